"""Facts of a site at which a promotion may go, changed one by one."""

from dataclasses import replace
from typing import Any

from recovery.failover.facts import Facts, Unknown
from recovery.failover.forecast import forecast
from recovery.failover.overrides import Overrides
from recovery.failover.preflight import Verdict, judge
from recovery.lease.lease import Lease
from recovery.names import namespace_identity
from recovery.ports.cluster import GuardState
from recovery.ports.standby import StandbyState
from tests.support.promotion import NOW, PLAN, RUN, bundle, deployments, lease, rights, room, standby, walls


def facts(**changes: Any) -> Facts:
    """Production is gone, DR is as it should be."""
    made = Facts(
        account="123456789012",
        server="https://dr.example",
        annotations=namespace_identity("dr", "123456789012", "us-west-2"),
        lease=lease(),
        renewing=False,
        old_edge=Unknown("connection refused"),
        standby=standby(),
        stream_moves=False,
        deployments=deployments(),
        guard=GuardState(running=True),
        walls=walls(),
        rights=rights(),
        room=room(),
        collations=(),
        marker=False,
        journal="answers",
    )
    return replace(made, **changes)


def verdict(seen: Facts, overrides: Overrides = Overrides(), **changes: Any) -> Verdict:  # noqa: B008 - frozen
    """What preflight says of it."""
    found = seen.lease if isinstance(seen.lease, Lease) else None
    state = seen.standby if isinstance(seen.standby, StandbyState) else None
    outlook = forecast(PLAN, lease=found, standby=state, ready={}, now=NOW)
    return judge(bundle(**changes), seen, outlook, overrides, run=RUN, now=NOW)


def reason(seen: Facts, **changes: Any) -> str:
    """The one reason against; its next step is not empty."""
    (only,) = verdict(seen, **changes).reasons
    assert only.next_step
    return only.what
