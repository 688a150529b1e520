"""A DR site in memory for promotions: every effect is counted, and any of them can be the last thing that happens."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recovery.bundle import Bundle, ClusterAccess, Endpoints
from recovery.errors import Ambiguous, LeaseRefused, Refused, Unreachable
from recovery.journal import Entry
from recovery.lease import Heartbeat, Lease
from recovery.loading import load_plan
from recovery.moves import Move, Step
from recovery.ports import DeploymentState, RunClaim, ServiceAnswer, StandbyState
from scripts.executor import Executor, Ports
from scripts.journal_file import Journal, JournalFile

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
RUN = "20261122T030000Z-abc123"
PLAN = load_plan(Path(__file__).parent.parent / "recovery.yaml")
SYSTEM = "7412345678901234567"


class Crash(BaseException):
    """kill -9: no handler of ours may catch it."""


def bundle(**changes: Any) -> Bundle:
    """A bundle of the repository's own plan."""
    made = Bundle(
        account="123456789012",
        region="us-west-2",
        namespace="ultramarket-dr",
        control_table="ultramarket-dr-control",
        backup_bucket="backups",
        marker_bucket="marker",
        cluster=ClusterAccess(name="ultramarket-dr", endpoint="https://dr.example", ca_data="Y2E="),
        endpoints=Endpoints(prod_edge="prod.example:80", dr_edge="dr.example:80", standby="s:5432", gate="g:5432"),
        system_identifier=SYSTEM,
        plan=PLAN,
    )
    return made.model_copy(update=changes)


def lease(**changes: Any) -> Lease:
    """Production's lease, last renewed a minute ago at position 1000."""
    made = Lease(
        site="prod",
        epoch=1,
        state="held",
        lease_seconds=30.0,
        margin_seconds=2.0,
        holder_run="init",
        boot_id="guard-1",
        renewals=100,
        heartbeat=Heartbeat(at=NOW - timedelta(minutes=1), lsn=1000, commits_per_second=10.0, timeline=1),
    )
    return replace(made, **changes)


def standby(**changes: Any) -> StandbyState:
    """A standby that has everything and receives nothing more."""
    made = StandbyState(
        in_recovery=True,
        system_identifier=SYSTEM,
        timeline=1,
        receive_lsn=1000,
        replay_lsn=1000,
        replay_paused=False,
        streaming=False,
        last_replayed_at=NOW - timedelta(minutes=1),
        server_version="18.6",
        client_connection_check=True,
    )
    return replace(made, **changes)


@dataclass
class Site:
    """The state of everything outside. `fuse` burns with every write anywhere; at zero the process dies there."""

    lease: Lease | None = field(default_factory=lease)
    database: StandbyState = field(default_factory=standby)
    replicas: dict[str, int] = field(default_factory=lambda: {name: s.warm for name, s in PLAN.services.items()})
    broken: dict[str, str] = field(default_factory=dict)  # service → why its Pods do not come up
    site_row: tuple[str, int] = ("prod", 1)
    probes: list[str] = field(default_factory=list)
    marker: bool = False
    writable: bool = True
    promotion_looks: int = 0  # how often the database still says "in recovery" after it was asked to promote
    denied: set[str] = field(default_factory=set)  # effects that are refused
    old_site: bool | None = None
    clock: float = 0.0
    fuse: int | None = None
    effects: list[str] = field(default_factory=list)
    claim: RunClaim | None = None
    table: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)  # ports that do not answer
    lost_answers: set[str] = field(default_factory=set)  # effects that happen and whose answer is lost, once
    stale_resolvers: dict[str, float] = field(default_factory=dict)  # resolver → seconds it keeps the old address
    moved_at: float = 0.0
    told: list[tuple[Step | None, Move]] = field(default_factory=list)

    def burn(self) -> None:
        """One more point at which the process may die."""
        if self.fuse is not None:
            if self.fuse == 0:
                raise Crash
            self.fuse -= 1

    def effect(self, name: str, change: Callable[[], None]) -> None:
        """An effect with a point of death before and after it."""
        self.answer(name)
        if name in self.denied:
            raise Refused(f"not allowed to {name}")
        self.burn()
        self.effects.append(name)
        change()
        self.burn()
        if name in self.lost_answers:
            self.lost_answers.discard(name)
            raise Ambiguous(f"the answer to {name} was lost")

    def answer(self, name: str) -> None:
        """Raises Unreachable while `name` is down."""
        if name in self.down:
            raise Unreachable(f"{name} does not answer")

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.clock += max(seconds, 0.001)

    def count(self, name: str) -> int:
        """How often an effect happened."""
        return self.effects.count(name)


class FakeLeases:
    """LeaseStore."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def read(self) -> Lease | None:
        self.site.answer("lease")
        return self.site.lease

    def create(self, lease: Lease) -> None:
        self.site.lease = lease

    def renew(self, lease: Lease, *, boot_id: str, heartbeat: Heartbeat | None) -> Lease:
        raise LeaseRefused("not used here")

    def take(self, seen: Lease, taken: Lease) -> Lease:
        if self.site.lease is None or self.site.lease.epoch != seen.epoch:
            raise LeaseRefused("the lease moved since it was read")
        old = self.site.lease

        def change() -> None:
            self.site.lease = taken

        self.site.effect("take", change)
        return old

    def hold(self, epoch: int, run: str) -> Lease:
        found = self.site.lease
        if found is None or (found.epoch, found.holder_run) != (epoch, run):
            raise LeaseRefused("another run's")

        def change() -> None:
            self.site.lease = replace(found, state="held")

        self.site.effect("hold", change)
        return replace(found, state="held")

    def record_fenced(self, epoch: int) -> None:
        if self.site.lease:
            self.site.lease = replace(self.site.lease, fenced_epoch=epoch)


class FakeRuns:
    """RunStore."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def claim(self) -> RunClaim | None:
        self.site.answer("journal")
        return self.site.claim

    def put_claim(self, claim: RunClaim, *, seen: RunClaim | None) -> None:
        self.site.answer("journal")
        if self.site.claim != seen:
            raise Refused(f"{self.site.claim} was faster")
        self.site.claim = claim

    def release(self, claim: RunClaim) -> None:
        if self.site.claim and self.site.claim.run == claim.run:
            self.site.claim = None

    def append(self, run: str, number: int, entry: dict[str, Any]) -> None:
        self.site.answer("journal")
        self.site.burn()
        if self.site.table.setdefault((run, number), entry) != entry:
            raise Refused(f"entry {number} of run {run} was written before, with another content")
        self.site.burn()

    def entries(self, run: str) -> list[dict[str, Any]]:
        self.site.answer("journal")
        return [entry for (of, _), entry in sorted(self.site.table.items()) if of == run]


class FakeStandby:
    """StandbyDatabase."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def state(self) -> StandbyState:
        self.site.answer("standby")
        if self.site.count("promote") and self.site.promotion_looks > 0:
            self.site.promotion_looks -= 1
            return replace(self.site.database, in_recovery=True, timeline=1)
        return self.site.database

    def promote(self) -> None:
        def change() -> None:
            self.site.database = replace(self.site.database, in_recovery=False, timeline=2)

        self.site.effect("promote", change)

    def resume_replay(self) -> None:
        def change() -> None:
            self.site.database = replace(self.site.database, replay_paused=False)

        self.site.effect("resume", change)


class FakeGate:
    """WriteGate: open when the lease is held by DR and the database is a primary."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def announce(self, epoch: int, run: str) -> None:
        from recovery.errors import Failed

        held = self.site.lease and self.site.lease.site == "dr" and self.site.lease.state == "held"
        if not held or self.site.database.in_recovery:
            raise Unreachable("the gate is closed")
        if not self.site.writable:
            raise Failed("the database behind the gate is promoted but read-only")

        def change() -> None:
            self.site.site_row = ("dr", epoch)
            self.site.probes.append(run)

        self.site.effect("announce", change)


class FakeCluster:
    """Cluster: Pods are ready at once, except those of broken services."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def identity(self) -> dict[str, str]:
        return {}

    def deployments(self) -> dict[str, DeploymentState]:
        self.site.answer("cluster")
        return {
            name: DeploymentState(
                name=name,
                wanted=wanted,
                ready=0 if name in self.site.broken else wanted,
                problems=(self.site.broken[name],) if name in self.site.broken else (),
            )
            for name, wanted in self.site.replicas.items()
        }

    def scale(self, name: str, replicas: int) -> None:
        def change() -> None:
            self.site.replicas[name] = replicas

        self.site.effect(f"scale {name}", change)


class FakeEdge:
    """Edge, OldSite."""

    def __init__(self, site: Site, name: str) -> None:
        self.site, self.name = site, name

    def ask(self, service: str) -> ServiceAnswer:
        where, epoch = self.site.site_row
        if self.name == "dr":
            if service in self.site.broken:
                return ServiceAnswer(status=503, site="dr", epoch=None)
            return ServiceAnswer(status=200, site="dr", epoch=epoch)
        stale = self.site.clock < self.site.moved_at + self.site.stale_resolvers.get(self.name, 0.0)
        if stale or not self.site.marker:
            return ServiceAnswer(status=200, site="prod", epoch=1)
        return ServiceAnswer(status=200, site="dr" if where == "dr" else None, epoch=epoch)

    def accepts_write(self, run: str) -> bool | None:
        return self.site.old_site


class FakeMarker:
    """Marker."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def present(self) -> bool:
        self.site.answer("marker")
        return self.site.marker

    def put(self, run: str, epoch: int) -> None:
        def change() -> None:
            self.site.marker = True
            self.site.moved_at = self.site.clock

        self.site.effect("marker", change)


class BurningFile(JournalFile):
    """A journal file whose writes can be the last thing, also half-way through a line."""

    def __init__(self, folder: Path, run: str, site: Site) -> None:
        super().__init__(folder, run)
        self.site = site

    def write(self, entry: Entry) -> None:
        self.site.burn()
        if self.site.fuse == 0:
            with self.path.open("ab") as torn:
                torn.write(entry.to_line()[:40])
            raise Crash
        super().write(entry)
        self.site.burn()


def ports(site: Site) -> Ports:
    """All of them, of one site."""
    return Ports(
        leases=FakeLeases(site),
        standby=FakeStandby(site),
        gate=FakeGate(site),
        cluster=FakeCluster(site),
        dr_edge=FakeEdge(site, "dr"),
        old_site=FakeEdge(site, "old"),
        marker=FakeMarker(site),
        resolvers={"cached": FakeEdge(site, "cached"), "uncached": FakeEdge(site, "uncached")},
        look_up=lambda: None,
    )


def begin(site: Site, overrides: dict[str, str] | None = None) -> dict[str, Any]:
    """What preflight writes first."""
    found = site.lease or lease()
    return {"epoch": found.epoch, "renewals": found.renewals, "overrides": overrides or {}}


def process(
    site: Site,
    folder: Path,
    *,
    run: str = RUN,
    local_only: bool = False,
    overrides: dict[str, str] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Journal:
    """One process of `dr promote --execute` after its preflight, to its end. Its clock is the site's."""
    file = BurningFile(folder, run, site)
    try:
        journal = Journal(
            file, None if local_only else FakeRuns(site), run, lambda: NOW + timedelta(seconds=site.clock)
        )
        journal.open()
        if not journal.history().finished:
            journal.write("begin", "preflight", begin(site, overrides))
        Executor(
            bundle(),
            ports(site),
            journal,
            clock=lambda: site.clock,
            sleep=site.sleep,
            check=check,
            tell=lambda step, move: site.told.append((step, move)),
        ).run()
        return journal
    finally:
        file.close()
