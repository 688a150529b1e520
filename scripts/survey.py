"""Preflight's reads, all at once: what can be seen of production from three places, and whether this is the DR site."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cloud.cluster import server_of
from cloud.marker import fetch
from cloud.session import caller_account
from recovery.bundle import Bundle
from recovery.errors import Corrupt, DrError, Refused, Unreachable
from recovery.lease import Lease
from recovery.manifest import Pointer
from recovery.names import pointer_key
from recovery.ports import DeploymentState, Edge, LeaseStore, RunClaim, RunStore, StandbyState
from recovery.preflight import Facts, Unknown, is_renewing
from scripts.claim import is_dead
from scripts.executor import Ports

T = TypeVar("T")
_WATCH_SECONDS = 0.25


def survey(
    bundle: Bundle,
    ports: Ports,
    *,
    old_edge: Edge,
    kubeconfig: Path,
    journal: str | Unknown,
    other: RunClaim | None,
    now: Callable[[], datetime],
) -> Facts:
    """Ask everything in parallel; what does not answer in about two seconds is Unknown."""
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="preflight") as pool:
        server = _known(lambda: server_of(kubeconfig))
        right = isinstance(server, str) and server.rstrip("/") == bundle.cluster.endpoint.rstrip("/")
        cluster = pool.submit(_cluster, ports, right)
        account = pool.submit(_known, lambda: caller_account(bundle.region))
        view = pool.submit(_lease_view, ports.leases, bundle.plan.lease.renewal, now)
        edge = pool.submit(_known, lambda: old_edge.ask(next(iter(bundle.plan.services))))
        standby = pool.submit(_stream_view, ports)
        marker: Future[bool | Unknown] = pool.submit(_known, ports.marker.present)
        lease, renewing = view.result()
        state, moves = standby.result()
        annotations, deployments = cluster.result()
        return Facts(
            account=account.result(),
            server=server,
            annotations=annotations,
            lease=lease,
            renewing=renewing,
            old_edge=edge.result(),
            standby=state,
            stream_moves=moves,
            deployments=deployments,
            marker=marker.result(),
            journal=journal,
            other=other,
            newest_backup=_newest_backup(bundle) if isinstance(state, Unknown) else "",
        )


def live_claim(runs: RunStore) -> tuple[RunClaim | None, RunClaim | None]:
    """(the claim found, the same if its holder lives). Raises Unreachable."""
    found = runs.claim()
    if found is None or is_dead(runs, found):
        return found, None
    return found, found


def _known(read: Callable[[], T]) -> T | Unknown:
    try:
        return read()
    except DrError as error:
        return Unknown(error.what)


def _cluster(ports: Ports, right: bool) -> tuple[Mapping[str, str] | Unknown, Mapping[str, DeploymentState] | Unknown]:
    if not right:
        other = Unknown("not asked: the kubeconfig is of another cluster")
        return other, other
    return _known(ports.cluster.identity), _known(ports.cluster.deployments)


def _lease_view(
    leases: LeaseStore, renewal: timedelta, now: Callable[[], datetime]
) -> tuple[Lease | Unknown | None, bool | Unknown]:
    """The lease, and whether production renews it: by the age of its heartbeat, else by watching a renewal pass."""
    first = _known(leases.read)
    if isinstance(first, Unknown):
        return first, first
    if first is None or first.site == "dr":
        return first, False
    known = is_renewing(first, renewal, now=now())
    if known is not None:
        return first, known
    end = time.monotonic() + renewal.total_seconds() + 1.0
    while time.monotonic() < end:
        time.sleep(_WATCH_SECONDS)
        again = _known(leases.read)
        if isinstance(again, Unknown):
            return first, again
        if again is None or again.renewals != first.renewals or again.epoch != first.epoch:
            return again, True
    return first, False


def _stream_view(ports: Ports) -> tuple[StandbyState | Unknown, bool | Unknown]:
    """The standby, and whether production's WAL still comes in."""
    first = _known(ports.standby.state)
    if isinstance(first, Unknown):
        return first, first
    return first, first.streaming


def _newest_backup(bundle: Bundle) -> str:
    """For the case that there is no standby: what a restore would start from."""
    try:
        body = fetch(bundle.backup_bucket, pointer_key("postgres", "full"), bundle.region)
        return f"{read_pointer(body).manifest_key}" if body else "there is none in the DR bucket"
    except (Unreachable, Refused, Corrupt) as error:
        return f"not known: {error.what}"


def read_pointer(body: bytes) -> Pointer:
    """A `latest` pointer. Raises Corrupt."""
    try:
        return Pointer.model_validate_json(body)
    except ValueError:
        raise Corrupt("the pointer to the newest backup is not one", next_step="see `dr backups`") from None
