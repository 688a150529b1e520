"""The steps of a promotion. Their order stands here and nowhere else.

A new step: a file here, a file of the same name in `operations/failover/steps/`, a line in this list.
"""

from typing import Any

from recovery.failover.step import Step
from recovery.failover.steps import drain, fence, hold, lease, name, postgres, scale, services, traffic, write

STEPS: tuple[Step[Any], ...] = (
    lease.STEP,
    scale.STEP,
    fence.STEP,
    drain.STEP,
    postgres.STEP,
    hold.STEP,
    write.STEP,
    services.STEP,
    traffic.STEP,
    name.STEP,
)
