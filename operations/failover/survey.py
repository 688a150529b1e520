"""Preflight's reads, all at once: what can be seen of production from three places, and whether this is the DR site."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from operations.failover.asking import Asker, known
from operations.failover.journal_file import unwritable
from operations.failover.performer import Performer
from operations.failover.run_lock import is_dead
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Unknown
from recovery.failover.production import is_renewing
from recovery.failover.source import expected
from recovery.lease.guard_report import GuardReport, Objection, objections
from recovery.lease.lease import Lease
from recovery.lease.wall import WallCheck
from recovery.plan.plan import SITES, SiteName
from recovery.ports.cluster import DeploymentState, GuardState
from recovery.ports.control_table import LeaseStore, RunClaim, RunStore
from recovery.ports.standby import CollationChange, LogAhead, PromoterRights, StandbyState

if TYPE_CHECKING:
    from operations.failover.ports import Ports

_WATCH_SECONDS = 0.25
_GROWTH_SECONDS = 0.5


def survey(
    bundle: Bundle,
    ports: "Ports",
    performers: Mapping[str, Performer],
    asker: Asker,
    *,
    journal_dir: Path,
    journal: str | Unknown,
    other: RunClaim | None,
    now: Callable[[], datetime],
    standby: bool = True,
) -> Facts:
    """Ask everything in parallel; what does not answer in about two seconds is Unknown. `performers`: of the steps
    that are not done, for their look ahead. Without `standby` it is restored first: what is there now is not asked."""
    server = known(ports.cluster.server)
    right = isinstance(server, str) and server.rstrip("/") == bundle.cluster.endpoint.rstrip("/")
    cluster = asker.begin(lambda: _cluster(ports, right))
    room = asker.begin_known(ports.cluster.room) if right else None
    caller = asker.begin_known(ports.caller)
    view = asker.begin(lambda: _lease_view(ports.leases, bundle.plan.lease.renewal, now))
    edge = asker.begin_known(lambda: ports.production.ask(next(iter(bundle.plan.services))))
    dr_edge = asker.begin_known(ports.dr_edge.reach)
    database = asker.begin(lambda: _standby_view(ports) if standby else _not_asked())
    report = asker.begin_known(lambda: ports.reports.read("dr"))
    marker = asker.begin_known(ports.marker.present)
    walls: dict[SiteName, Future[WallCheck | Unknown | None]] = {
        site: asker.begin_known(lambda site=site: ports.walls.wall(site)) for site in SITES
    }
    ahead = {
        name: asker.begin_known(lambda performer=performer: performer.preview(bundle))
        for name, performer in performers.items()
        if right or not performer.asks_cluster  # another cluster is not asked anything
    }
    lease, renewing = view.result()
    state, rights, collations, log = database.result()
    annotations, deployments, guard = cluster.result()
    account = caller.result()
    return Facts(
        account=account if isinstance(account, Unknown) else account[0],
        caller="" if isinstance(account, Unknown) else account[1],
        server=server,
        annotations=annotations,
        lease=lease,
        renewing=renewing,
        old_edge=edge.result(),
        standby=state,
        stream_moves=state if isinstance(state, Unknown) else state.streaming,
        arriving=_arriving(ports, lease, state),
        rights=rights,
        guard_report=_against_guard(bundle, lease, report.result(), now()),
        collations=collations,
        log=log,
        deployments=deployments,
        room=room.result() if room else None,
        dr_edge=dr_edge.result(),
        guard=guard,
        marker=marker.result(),
        walls={site: found.result() for site, found in walls.items()},
        journal=journal,
        journal_folder=unwritable(journal_dir),
        other=other,
        newest_backup=ports.newest_backup() if isinstance(state, Unknown) and not state.answered else "",
        previews={name: found.result() for name, found in ahead.items()},
    )


def live_claim(runs: RunStore) -> tuple[RunClaim | None, RunClaim | None]:
    """(the claim found, the same if its holder lives). Raises Unreachable."""
    found = runs.claim()
    if found is None or is_dead(runs, found):
        return found, None
    return found, found


def _cluster(
    ports: "Ports", right: bool
) -> tuple[Mapping[str, str] | Unknown, Mapping[str, DeploymentState] | Unknown, GuardState | Unknown | None]:
    if not right:
        other = Unknown("not asked: the kubeconfig is of another cluster")
        return other, other, other
    cluster = ports.cluster
    return known(cluster.identity), known(cluster.deployments), known(cluster.guard)


def _lease_view(
    leases: LeaseStore, renewal: timedelta, now: Callable[[], datetime]
) -> tuple[Lease | Unknown | None, bool | Unknown]:
    """The lease, and whether production renews it: by the age of its heartbeat, else by watching a renewal pass."""
    first = known(leases.read)
    if isinstance(first, Unknown):
        return first, first
    if first is None or first.site == "dr":
        return first, False
    renewing = is_renewing(first, renewal, now=now())
    if renewing is not None:
        return first, renewing
    end = time.monotonic() + renewal.total_seconds() + 1.0
    while time.monotonic() < end:
        time.sleep(_WATCH_SECONDS)
        again = known(leases.read)
        if isinstance(again, Unknown):
            return first, again
        if again is None or again.renewals != first.renewals or again.epoch != first.epoch:
            return again, True
    return first, False


def _against_guard(
    bundle: Bundle, lease: Lease | Unknown | None, report: GuardReport | Unknown | None, now: datetime
) -> tuple[Objection, ...] | Unknown:
    """What its own report says against the DR site's guard."""
    if isinstance(report, Unknown):
        return report
    return (*objections(report, "dr", bundle.plan.lease, system_identifier=expected(bundle, lease), now=now),)


def _standby_view(
    ports: "Ports",
) -> tuple[
    StandbyState | Unknown,
    PromoterRights | Unknown,
    tuple[CollationChange, ...] | Unknown,
    LogAhead | Unknown | None,
]:
    """The standby, what this login may do there, whether its text is sorted as its primary's, and what the bucket has
    of the log beyond it."""
    state = known(ports.standby.state)
    if isinstance(state, Unknown):
        return state, state, state, state
    drains = state.in_recovery and not state.pinned
    log = known(lambda: ports.log.ahead(ports.leases.read(), state.timeline, state.receive_lsn)) if drains else None
    rights, collations = known(ports.standby.rights), known(ports.standby.collation_changes)
    return state, rights, collations, log


def _not_asked() -> tuple[Unknown, Unknown, Unknown, None]:
    later = Unknown("it is restored first", answered=True)
    return later, later, later, None


def _arriving(ports: "Ports", lease: Lease | Unknown | None, state: StandbyState | Unknown) -> bool:
    """Whether WAL still comes in. Only asked when some is missing: by the stream, or by a position that grows."""
    beat = lease.heartbeat if isinstance(lease, Lease) else None
    if isinstance(state, Unknown) or state.pinned or beat is None or beat.lsn <= state.receive_lsn:
        return False
    if state.streaming:
        return True
    time.sleep(_GROWTH_SECONDS)
    again = known(ports.standby.state)
    return isinstance(again, StandbyState) and again.receive_lsn > state.receive_lsn
