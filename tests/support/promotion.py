"""A DR site in memory for promotions: every effect is counted, and any of them can be the last thing that happens."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from operations.failover.asking import Asker
from operations.failover.executor import Executor
from operations.failover.journal import Journal
from operations.failover.journal_file import JournalFile
from operations.failover.performer import performers
from operations.failover.ports import Ports
from recovery.copies.server_order import ServerOrder
from recovery.copies.standby_set import DiskClaim, StandbySetState
from recovery.errors import Ambiguous, LeaseRefused, Refused, Unreachable
from recovery.failover.bundle import Bundle, ClusterAccess, Endpoints
from recovery.failover.journal import Entry
from recovery.failover.moves import Move
from recovery.failover.restoring import LATEST, PlannedRestore
from recovery.failover.step import Step
from recovery.failover.steps import STEPS
from recovery.lease.backup_runs import PRUNE, Outcome, RunReport, after
from recovery.lease.guard_report import DatabaseSeen, GuardReport, SlotSeen
from recovery.lease.lease import Heartbeat, Lease, format_lsn, parse_lsn
from recovery.lease.wall import WallCheck
from recovery.names import namespace_identity
from recovery.plan.loading import load_plan
from recovery.plan.plan import SITES, SiteName
from recovery.ports.cluster import ClusterRoom, DeploymentState, GuardState, Room, ScheduledJobs
from recovery.ports.control_table import RunClaim
from recovery.ports.edge import EdgeSeen, ServiceAnswer, WriteAnswer
from recovery.ports.redis import RedisState
from recovery.ports.standby import CollationChange, LogAhead, PromoterRights, StandbyState
from recovery.term import Assumption, Term
from tests.support.plans import ROOT
from tests.support.standby_set import StandbySetSite

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
RUN = "20261122T030000Z-abc123"
PLAN = load_plan(ROOT / "recovery.yaml")
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


def guard_report(**changes: Any) -> GuardReport:
    """The DR site's guard, which can do its work behind its shut gate."""
    made = GuardReport(
        site="dr",
        boot_id="guard-2",
        started=NOW - timedelta(days=1),
        at=NOW - timedelta(seconds=10),
        mode="enforce",
        version="0.1.0",
        gate_open=False,
        lease="site prod, epoch 1, held",
        database=DatabaseSeen(
            system_identifier=SYSTEM,
            in_recovery=True,
            address="/run/postgres-gate:5432",
            slots=(SlotSeen("dr_standby", 0, False),),
            slot_cap=10 * 2**30,
        ),
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


def rights(**changes: Any) -> PromoterRights:
    """A login that may do all that a promotion needs."""
    made = PromoterRights(
        login="dr_promoter",
        promote=True,
        resume_replay=True,
        update_site=True,
        insert_probe=True,
        site_rows=1,
        read_only=False,
    )
    return replace(made, **changes)


def deployments() -> dict[str, DeploymentState]:
    """The warm floor: every service ready."""
    return {name: DeploymentState(name=name, wanted=1, ready=1, problems=()) for name in PLAN.services}


def walls(**changes: Any) -> dict[SiteName, WallCheck | None]:
    """Both were checked yesterday, and held; `prod` and `dr` replace one."""
    return {
        site: changes[site]
        if site in changes
        else WallCheck(
            site=site,
            holds=True,
            at=NOW - timedelta(days=1),
            address=f"{site}.example:5432",
            asked_from="pod",
            words="pg_hba.conf rejects connection",
        )
        for site in SITES
    }


SILENT = WriteAnswer("silent", "production's edge does not answer")
OTHER_GLIBC = CollationChange(database="ultramarket", recorded="2.31", actual="2.36", indexes=("orders_pkey",))
POD = Room(millicores=250, mebibytes=512, pods=1)


def room(pods: int = 20, **changes: Any) -> ClusterRoom:
    """Two nodes with room for so many Pods together, beside one of each service."""
    half = pods // 2
    free = {
        name: Room(millicores=250 * count, mebibytes=512 * count, pods=count)
        for name, count in (("a", half), ("b", pods - half))
    }
    made = ClusterRoom(
        free=free, closed={}, placed=dict.fromkeys(PLAN.services, 1), sizes=dict.fromkeys(PLAN.services, POD)
    )
    return replace(made, **changes)


EDGE = EdgeSeen(
    address="198.51.100.7:443", names=("api.ultramarket.com", "dr.example"), until=NOW + timedelta(days=200)
)
"""The DR edge with its certificate."""


def backup_runs() -> dict[SiteName, RunReport | None]:
    """What the full backups did last: made at production, skipped at the other site."""
    outcomes: dict[SiteName, Outcome] = {"prod": "made", "dr": "skipped"}
    return {
        site: after(
            None,
            RunReport(site=site, dataset="postgres", kind="full", at=NOW - timedelta(hours=1), outcome=outcome),
        )
        for site, outcome in outcomes.items()
    }


def pruner_runs() -> dict[tuple[SiteName, str], RunReport | None]:
    """By site and bucket: what the pruners did last. Only the one at work has looked what is hidden."""
    outcomes: dict[SiteName, Outcome] = {"prod": "made", "dr": "skipped"}
    return {
        (site, bucket): after(
            None,
            RunReport(
                site=site,
                dataset=PRUNE,
                kind=bucket,
                at=NOW - timedelta(hours=1),
                outcome=outcome,
                hidden=0 if outcome == "made" else None,
            ),
        )
        for site, outcome in outcomes.items()
        for bucket in SITES
    }


@dataclass
class Site:
    """The state of everything outside. `fuse` burns with every write anywhere; at zero the process dies there."""

    lease: Lease | None = field(default_factory=lease)
    database: StandbyState = field(default_factory=standby)
    replicas: dict[str, int] = field(default_factory=lambda: {name: s.warm for name, s in PLAN.services.items()})
    guard: GuardState | None = field(default_factory=lambda: GuardState(running=True))
    walls: dict[SiteName, WallCheck | None] = field(default_factory=walls)
    broken: dict[str, str] = field(default_factory=dict)  # service → why its Pods do not come up
    collations: tuple[CollationChange, ...] = ()
    jobs: tuple[ScheduledJobs, ...] = ()
    backups: dict[SiteName, RunReport | None] = field(default_factory=backup_runs)
    pruners: dict[tuple[SiteName, str], RunReport | None] = field(default_factory=pruner_runs)
    used: int = 200 * 2**30  # bytes PostgreSQL has on its disk
    few: dict[str, int] = field(default_factory=dict)  # service → Pods that become ready, however many are wanted
    site_row: tuple[str, int] = ("prod", 1)
    probes: list[str] = field(default_factory=list)
    marker: bool = False
    writable: bool = True
    bucket_end: int = 0  # how far the log in the bucket goes
    hole: int | None = None  # where it goes on behind a hole at `bucket_end`
    torn_from: int | None = None  # where the last, incomplete record in the bucket begins
    drained_a_look: int = 10**9  # bytes that the standby replays between two looks at it
    promotion_looks: int = 0  # how often the database still says "in recovery" after it was asked to promote
    denied: set[str] = field(default_factory=set)  # effects that are refused
    old_site: WriteAnswer = SILENT
    clock: float = 0.0
    fuse: int | None = None
    effects: list[str] = field(default_factory=list)
    claim: RunClaim | None = None
    table: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)  # ports that do not answer
    lost_answers: set[str] = field(default_factory=set)  # effects that happen and whose answer is lost, once
    stale_resolvers: dict[str, float] = field(default_factory=dict)  # resolver → seconds it keeps the old address
    moved_at: float = 0.0
    reports: dict[SiteName, GuardReport | None] = field(
        default_factory=lambda: {site: guard_report(site=site) for site in SITES}
    )
    told: list[tuple[Step[Any], Move]] = field(default_factory=list)
    kept: dict[str, StandbyState] = field(default_factory=dict)  # volume → what lies on it since its claim went
    set: StandbySetSite = field(default_factory=StandbySetSite)
    redis: RedisState = field(default_factory=lambda: redis())
    redis_kept: bool = False

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

    def record_system(self, system: str, *, seen: str) -> Lease:
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


class FakeReports:
    """GuardReports: both guards work and reported just now, unless `site.reports` says otherwise."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def write(self, report: GuardReport) -> None:
        self.site.reports[report.site] = report

    def read(self, site: SiteName) -> GuardReport | None:
        self.site.answer("reports")
        return self.site.reports[site]


class FakeStandby:
    """StandbyDatabase."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def state(self) -> StandbyState:
        self.site.answer("standby")
        if not self.site.set.up:
            raise Unreachable("no server is there")
        if self.site.count("promote") and self.site.promotion_looks > 0:
            self.site.promotion_looks -= 1
            return replace(self.site.database, in_recovery=True, timeline=1)
        found = self.site.database
        if found.pinned:
            return found
        last = self.site.bucket_end if self.site.torn_from is None else self.site.torn_from
        if found.in_recovery and found.replay_lsn < last and not found.replay_paused:
            at = min(last, found.replay_lsn + self.site.drained_a_look)
            self.site.database = replace(found, replay_lsn=at, receive_lsn=max(at, found.receive_lsn))
        return found

    def collation_changes(self) -> tuple[CollationChange, ...]:
        self.site.answer("standby")
        return self.site.collations

    def bytes_used(self) -> int:
        self.site.answer("standby")
        return self.site.used

    def rights(self) -> PromoterRights:
        self.site.answer("standby")
        return rights()

    def promote(self) -> None:
        def change() -> None:
            self.site.database = replace(self.site.database, in_recovery=False, timeline=2)

        self.site.effect("promote", change)

    def resume_replay(self) -> None:
        def change() -> None:
            self.site.database = replace(self.site.database, replay_paused=False)

        self.site.effect("resume", change)


class FakeLog:
    """StandbyLog."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def ahead(self, lease: Lease | None, timeline: int, position: int) -> LogAhead:
        self.site.answer("log")
        return LogAhead(end=max(position, self.site.bucket_end), resumes=self.site.hole)

    def goes_on(self, lease: Lease | None, timeline: int, position: int, end: int) -> bool:
        self.site.answer("log")
        return position != self.site.torn_from


class FakeStandbySet:
    """StandbySet: whatever comes up on an empty disk is what was ordered."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def state(self) -> StandbySetState:
        self.site.answer("standby set")
        found = self.site.set.look()
        if found == "restored":
            self.site.database = restored(self.site)
        return self.site.set.state()

    def write_order(self, order: ServerOrder | None, *, version: str) -> None:
        if version != self.site.set.version:
            raise Refused("the order was changed meanwhile")
        self.site.effect("order" if order else "clear", lambda: self.site.set.write(order))

    def scale(self, replicas: int) -> None:
        self.site.effect(f"standby {replicas}", lambda: self.site.set.scale(replicas))

    def release(self, claim: DiskClaim) -> None:
        def change() -> None:
            assert not self.site.set.state().pods, "a Pod has this disk"
            if self.site.set.claim and self.site.set.claim.uid == claim.uid:
                self.site.kept[claim.volume] = self.site.database
                self.site.set.release()

        self.site.effect("release", change)


def restored(site: Site) -> StandbyState:
    """What comes up on an empty disk."""
    order = site.set.order
    if order and order.to:
        at = parse_lsn(order.to) + 200
        new = standby(receive_lsn=at, replay_lsn=at, last_replayed_at=None, timeline=2, pinned=order.to)
        return replace(new, **site.set.comes_up_as)
    at = site.bucket_end or 900
    return replace(standby(receive_lsn=at, replay_lsn=at), **site.set.comes_up_as)


class FakePlanner:
    """Planner: any time is position 0/1F4; the newest is where the bucket ends."""

    accepts = ""

    def __init__(self, site: Site) -> None:
        self.site = site

    def plan(self, to: str, disk_bytes: int) -> PlannedRestore:
        self.site.answer("planner")
        if to in self.site.set.cannot_be_reached:
            raise Refused(f"{to} cannot be reached", next_step="what can be restored: from 0/64")
        end = self.site.bucket_end or 900 if to == LATEST else parse_lsn(to) if "/" in to else 500
        made = PlannedRestore(
            to=format_lsn(end),
            end=end,
            until=NOW - timedelta(minutes=1 if to == LATEST else 30),
            system_identifier=SYSTEM,
            timeline=1,
            objects=12,
            stored_bytes=3 * 10**9,
            disk_bytes=9 * 10**9,
            disk_free=disk_bytes,
            terms=(Term("unpack and check", timedelta(seconds=40), Assumption("a test")),),
            rows=lambda size: [("begin with", f"a full of {size(3 * 10**9)}")],
            window="what can be restored:\n  from 0/64 to 0/3E8",
        )
        return replace(made, **self.site.set.planned)


def redis(**changes: Any) -> RedisState:
    """The DR site's Redis, whose production is gone."""
    found = RedisState(
        server="valkey 9.1.2",
        replica=True,
        history="a" * 40,
        offset=1000,
        link_up=False,
        down_seconds=5,
        silent_seconds=None,
        synchronising=False,
        loading=False,
        keys=7,
        appends=False,
        commands_per_second=2.0,
    )
    return replace(found, **changes)


class FakeRedis:
    """RedisReplica."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def state(self) -> RedisState:
        self.site.answer("redis")
        return self.site.redis

    def promote(self) -> None:
        def change() -> None:
            self.site.redis = replace(self.site.redis, replica=False, link_up=False)

        self.site.effect("promote redis", change)

    def keep(self) -> None:
        def change() -> None:
            self.site.redis_kept = True
            self.site.redis = replace(self.site.redis, appends=True)

        self.site.effect("keep redis", change)


class FakeRedisGate:
    """RedisGate: open as PostgreSQL's is."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def announce(self, epoch: int, run: str) -> None:
        held = self.site.lease and self.site.lease.site == "dr" and self.site.lease.state == "held"
        if not held or self.site.redis.replica:
            raise Unreachable("the gate is closed")
        self.site.effect("announce to redis", lambda: None)


class FakeGate:
    """WriteGate: open when the lease is held by DR and the database is a primary."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def knock(self) -> Literal["closed", "open", "silent"]:
        return "closed"

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

    def server(self) -> str:
        return "https://dr.example"

    def identity(self) -> dict[str, str]:
        return namespace_identity("dr", "123456789012", "us-west-2")

    def may_scale(self) -> bool:
        self.site.answer("cluster")
        return True

    def deployments(self) -> dict[str, DeploymentState]:
        self.site.answer("cluster")
        return {
            name: DeploymentState(
                name=name,
                wanted=wanted,
                ready=0 if name in self.site.broken else min(wanted, self.site.few.get(name, wanted)),
                problems=(self.site.broken[name],) if name in self.site.broken else (),
            )
            for name, wanted in self.site.replicas.items()
        }

    def scheduled_jobs(self) -> tuple[ScheduledJobs, ...]:
        self.site.answer("cluster")
        return self.site.jobs

    def disk_bytes(self, claim: str) -> int:
        self.site.answer("cluster")
        return 400 * 2**30

    def room(self) -> ClusterRoom:
        self.site.answer("cluster")
        return room(placed=self.site.replicas)

    def guard(self) -> GuardState | None:
        self.site.answer("cluster")
        return self.site.guard

    def scale(self, name: str, replicas: int) -> None:
        def change() -> None:
            self.site.replicas[name] = replicas

        self.site.effect(f"scale {name}", change)


class FakeEdge:
    """Edge, OldSite."""

    def __init__(self, site: Site, name: str) -> None:
        self.site, self.name = site, name

    def reach(self) -> EdgeSeen:
        self.site.answer(f"edge {self.name}")
        return EDGE

    def ask(self, service: str) -> ServiceAnswer:
        if self.name == "gone":
            raise Unreachable("production's edge does not answer")
        where, epoch = self.site.site_row
        if self.name == "dr":
            if service in self.site.broken:
                return ServiceAnswer(status=503, site="dr", epoch=None)
            return ServiceAnswer(status=200, site="dr", epoch=epoch)
        stale = self.site.clock < self.site.moved_at + self.site.stale_resolvers.get(self.name, 0.0)
        if stale or not self.site.marker:
            return ServiceAnswer(status=200, site="prod", epoch=1)
        return ServiceAnswer(status=200, site="dr" if where == "dr" else None, epoch=epoch)

    def probe_write(self) -> WriteAnswer:
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


class FakeWalls:
    """WallStore."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def wall(self, site: SiteName) -> WallCheck | None:
        self.site.answer("walls")
        return self.site.walls[site]

    def record(self, check: WallCheck) -> None:
        self.site.walls[check.site] = check


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
        reports=FakeReports(site),
        standby=FakeStandby(site),
        standby_set=FakeStandbySet(site),
        planner=FakePlanner(site),
        log=FakeLog(site),
        gate=FakeGate(site),
        redis=FakeRedis(site),
        redis_gate=FakeRedisGate(site),
        cluster=FakeCluster(site),
        dr_edge=FakeEdge(site, "dr"),
        production=FakeEdge(site, "gone"),
        old_site=FakeEdge(site, "old"),
        marker=FakeMarker(site),
        walls=FakeWalls(site),
        resolvers={"cached": FakeEdge(site, "cached"), "uncached": FakeEdge(site, "uncached")},
        look_up=lambda: None,
        check_resolvers={"cached": lambda: None},
        caller=lambda: ("123456789012", "arn:aws:sts::123456789012:user/stand-in"),
        newest_backup=lambda: "there is none in the DR bucket",
    )


def begin(site: Site, overrides: dict[str, str] | None = None) -> dict[str, Any]:
    """What preflight writes first."""
    found = site.lease or lease()
    steps = [step.name for step in STEPS]
    position = site.database.receive_lsn
    log = {} if "log" in site.down else {"position": position, "ahead_bytes": max(0, site.bucket_end - position)}
    return {
        "epoch": found.epoch,
        "renewals": found.renewals,
        "overrides": overrides or {},
        "steps": steps,
        "log": log,
    }


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
    asker = Asker()
    try:
        journal = Journal(
            file, None if local_only else FakeRuns(site), run, lambda: NOW + timedelta(seconds=site.clock)
        )
        journal.open()
        if not journal.history().finished:
            journal.write("begin", "preflight", begin(site, overrides))
        Executor(
            bundle(),
            STEPS,
            performers(STEPS, ports(site), asker, lambda: site.clock),
            journal,
            clock=lambda: site.clock,
            sleep=site.sleep,
            check=check,
            tell=lambda step, move: site.told.append((step, move)),
        ).run()
        return journal
    finally:
        asker.close()
        file.close()


class FakeBackups:
    """RunReports."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def read(self, site: SiteName, dataset: str, kind: str) -> RunReport | None:
        self.site.answer("backups")
        return self.site.pruners[site, kind] if dataset == PRUNE else self.site.backups[site]

    def add(self, run: RunReport) -> None:
        self.site.answer("backups")
        self.site.backups[run.site] = after(self.site.backups[run.site], run)
