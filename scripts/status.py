"""`dr status`: one look at everything a failover depends on. What does not answer is UNKNOWN, never fine."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recovery.errors import DrError
from recovery.lease import Lease
from scripts.context import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption
from scripts.output import ExitWith, emit_json, table
from scripts.promote import BundleOption, KubeconfigOption

if TYPE_CHECKING:
    from recovery.bundle import Bundle
    from recovery.ports import DeploymentState, LeaseStore, RunStore, StandbyState
    from scripts.executor import Ports

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_WORST_FIRST = (CRITICAL, UNKNOWN, WARNING, OK)


@dataclass(frozen=True)
class Finding:
    """One line: `level` is a monitor's exit code."""

    name: str
    level: int
    words: str


def status(
    bundle: BundleOption = "",
    kubeconfig: KubeconfigOption = None,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Show lease, replication, services, marker, newest backup and a promotion in progress.

    Exit codes: 0 all well, 1 worth a look, 2 a failover would be refused or data be lost, 3 something did not answer.

    Example: dr status --json
    """
    from scripts.promotion_ports import connect, database_login, kubeconfig_path, load_bundle, stores

    try:
        database_login()
        loaded = load_bundle(bundle, plan, account)
    except DrError as error:
        _show([Finding("bundle", UNKNOWN, error.what)], json=json)
        return
    leases, runs = stores(loaded)
    ports = connect(loaded, leases, kubeconfig_path(kubeconfig), ["127.0.0.1"])  # no name is looked up here
    _show(look(loaded, ports, leases, runs, now=datetime.now(UTC)), json=json)


def look(bundle: "Bundle", ports: "Ports", leases: "LeaseStore", runs: "RunStore", *, now: datetime) -> list[Finding]:
    """All findings, asked in parallel."""
    with ThreadPoolExecutor(max_workers=6) as pool:
        lease = pool.submit(_try, leases.read)
        asked = {
            "standby": pool.submit(
                _finding, "standby", lambda: _standby(ports.standby.state(), lease.result(), bundle)
            ),
            "services": pool.submit(
                _finding, "services", lambda: _services(ports.cluster.deployments(), lease.result(), bundle)
            ),
            "marker": pool.submit(_finding, "marker", lambda: _marker(ports.marker.present(), lease.result())),
            "backup": pool.submit(_finding, "backup", lambda: _backup(bundle, now)),
            "promotion": pool.submit(_finding, "promotion", lambda: _run(runs, lease.result())),
        }
        first = _finding("lease", lambda: _lease(lease.result(), bundle, now))
        return [first, *(future.result() for future in asked.values())]


def _try(read: Callable[[], Lease | None]) -> Lease | DrError | None:
    try:
        return read()
    except DrError as error:
        return error


def _finding(name: str, look: Callable[[], tuple[int, str]]) -> Finding:
    try:
        level, words = look()
    except DrError as error:
        level, words = UNKNOWN, error.what
    return Finding(name, level, words)


def _lease(lease: Lease | DrError | None, bundle: "Bundle", now: datetime) -> tuple[int, str]:
    if isinstance(lease, DrError):
        return UNKNOWN, lease.what
    if lease is None:
        return CRITICAL, "not initialised; run `dr lease init --site prod`"
    words = f"site {lease.site}, epoch {lease.epoch}, {lease.state} by run {lease.holder_run}"
    if lease.heartbeat is None:
        return WARNING, f"{words}; its guard never reported"
    age = (now - lease.heartbeat.at).total_seconds()
    words += f"; last heartbeat {age:.0f} s ago"
    if age > lease.lease_seconds:
        return CRITICAL, f"{words}: longer than the lease of {lease.lease_seconds:.0f} s, so its gate is closed"
    return (WARNING if age > 2 * bundle.plan.lease.renewal.total_seconds() else OK), words


def _standby(state: "StandbyState", lease: Lease | DrError | None, bundle: "Bundle") -> tuple[int, str]:
    active = isinstance(lease, Lease) and lease.site == "dr"
    if not state.in_recovery:
        return (OK if active else CRITICAL), f"the DR database is a primary, timeline {state.timeline}"
    if bundle.system_identifier and bundle.system_identifier != state.system_identifier:
        return CRITICAL, f"system identifier {state.system_identifier} is not production's"
    heartbeat = lease.heartbeat if isinstance(lease, Lease) else None
    behind = None if heartbeat is None else max(0, heartbeat.lsn - state.receive_lsn)
    distance = "unknown distance behind" if behind is None else f"{behind:,} bytes behind the last heartbeat"
    words = f"{'streaming' if state.streaming else 'not streaming'}, {distance}"
    return (OK if state.streaming and not state.replay_paused else WARNING), (
        words + (", replay is paused" if state.replay_paused else "")
    )


def _services(states: "dict[str, DeploymentState]", lease: Lease | DrError | None, bundle: "Bundle") -> tuple[int, str]:
    active = isinstance(lease, Lease) and lease.site == "dr"
    short: list[str] = []
    for name, service in bundle.plan.services.items():
        wanted = service.full if active else service.warm
        ready = states[name].ready if name in states else 0
        if ready < wanted:
            problems = states[name].problems if name in states else ("no such Deployment",)
            short.append(f"{name} {ready} of {wanted}" + (f" ({'; '.join(problems)})" if problems else ""))
    size = "full size" if active else "the warm floor"
    return (WARNING, ", ".join(short)) if short else (OK, f"all {len(bundle.plan.services)} at {size}")


def _marker(present: bool, lease: Lease | DrError | None) -> tuple[int, str]:
    active = isinstance(lease, Lease) and lease.site == "dr"
    words = "present: the public name leads to DR" if present else "absent: the public name leads to production"
    return (OK if present == active else WARNING if active else CRITICAL), words


def _backup(bundle: "Bundle", now: datetime) -> tuple[int, str]:
    from cloud.marker import fetch
    from recovery.names import pointer_key
    from scripts.survey import read_pointer

    body = fetch(bundle.backup_bucket, pointer_key("postgres", "full"), bundle.region)
    if body is None:
        return WARNING, "no full backup in the DR bucket yet"
    pointer = read_pointer(body)
    hours = (now - pointer.finished).total_seconds() / 3600
    return (OK if 0 <= hours <= 26 else WARNING), f"full of {hours:.1f} h ago, {pointer.manifest_key}"


def _run(runs: "RunStore", lease: Lease | DrError | None) -> tuple[int, str]:
    from recovery.journal import read_entries
    from recovery.moves import History
    from recovery.promotion import open_steps

    claim = runs.claim()
    run = claim.run if claim else lease.holder_run if isinstance(lease, Lease) and lease.site == "dr" else ""
    entries = read_entries(runs.entries(run), source="the journal in the control table") if run else ()
    if not entries:
        return OK, f"claimed by {claim.holder}, run {run}" if claim else "none"
    history = History.of(entries)
    if history.finished:
        return OK, f"run {run} finished at {entries[-1].at}"
    steps = ", ".join(step.name for step in open_steps(history))
    who = f"held by {claim.holder}" if claim else "nobody works on it; `dr promote --execute` resumes it"
    return WARNING, f"run {run} is at: {steps}; last entry {entries[-1].at}; {who}"


def _show(findings: list[Finding], *, json: bool) -> None:
    worst = next(level for level in _WORST_FIRST if any(finding.level == level for finding in findings))
    if json:
        lines = {f.name: {**asdict(f), "level": _WORDS[f.level]} for f in findings}
        emit_json({"status": _WORDS[worst], "findings": lines})
    else:
        table("", ("what", "state", ""), [(f.name, _WORDS[f.level], f.words) for f in findings])
    raise ExitWith(worst)
