"""The steps of a promotion. Their order stands here and nowhere else.

A new step: a file here, a file of the same name in `operations/failover/steps/`, a line in this list.
"""

from typing import Any

from recovery.failover.history import History
from recovery.failover.restoring import Wish
from recovery.failover.step import Step
from recovery.failover.steps import (
    clear,
    drain,
    fence,
    hold,
    lease,
    name,
    postgres,
    redis,
    redis_write,
    restore,
    scale,
    services,
    traffic,
    write,
)

STEPS: tuple[Step[Any], ...] = (
    lease.STEP,
    scale.STEP,
    fence.STEP,
    drain.STEP,
    postgres.STEP,
    redis.STEP,
    hold.STEP,
    write.STEP,
    redis_write.STEP,
    services.STEP,
    traffic.STEP,
    name.STEP,
)

RESTORING: tuple[Step[Any], ...] = (restore.STEP, *STEPS, clear.STEP)
"""Of a promotion that restores its standby first. The first is done by itself, and the preflight judges what came of
it before the second begins."""


def steps_for(wish: Wish | None) -> tuple[Step[Any], ...]:
    """What is to be done for it."""
    return RESTORING if wish else STEPS


def steps_of(history: History) -> tuple[Step[Any], ...]:
    """What a run set out to do."""
    return RESTORING if restore.STEP.name in history.steps else STEPS
