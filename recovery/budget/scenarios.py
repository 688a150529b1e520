"""What can happen to one dataset: its loss and its recovery in each scenario, as named terms."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from recovery.budget.sums import Limit, Sum, lasting, terms
from recovery.measured import (
    CHECKS_SECONDS,
    GLACIER_RETRIEVAL_HOURS,
    MONGO_PROMOTE_SECONDS,
    NAME_SERVERS_SECONDS,
    PG_PROMOTE_SECONDS,
    REDIS_PROMOTE_SECONDS,
    REPLAY_BACKLOG_SECONDS,
    REPLAY_BYTES_PER_SECOND,
    REPLICATION_MINUTES,
    SHA256_BYTES_PER_SECOND,
)
from recovery.plan.datasets import Backup, Bucket, Dataset, DatasetName, Log, Redis, Snapshot
from recovery.plan.plan import Plan
from recovery.plan.schedules import longest_gap
from recovery.plan.strategy import followed
from recovery.term import Assumption, FromPlan, Number, Term
from recovery.units import format_size, read_duration

Scenario = Literal["region lost", "data corrupted", "replica lost", "DR site lost"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)


def _taking(name: str, seconds: Number) -> Term:
    return Term(name, timedelta(seconds=seconds.value), seconds.basis)


# Terms that stand in several scenarios.
REPLICATION = Term("S3 replication", timedelta(minutes=REPLICATION_MINUTES.value), REPLICATION_MINUTES.basis)
CHECKS = _taking("database and services asked directly", CHECKS_SECONDS)
NAME_SERVERS = _taking("Route 53's servers hear of it", NAME_SERVERS_SECONDS)
_DRAIN = _taking("the rest of the log is replayed", REPLAY_BACKLOG_SECONDS)
_PROMOTION = {
    "postgres": _taking("promotion", PG_PROMOTE_SECONDS),
    "mongo": _taking("promotion", MONGO_PROMOTE_SECONDS),
    "redis": _taking("promotion", REDIS_PROMOTE_SECONDS),
}


_ALONE = (
    "these figures end with the failover: then the DR site makes its own copies, in its own region alone, and has no "
    "standby until production is rebuilt as one"
)

_REPLAY = {"postgres": REPLAY_BYTES_PER_SECOND}
"""How fast a log is replayed, where it was measured; elsewhere as fast as a restore."""


@dataclass(frozen=True)
class Case:
    """One dataset under one plan."""

    plan: Plan
    name: DatasetName

    @property
    def data(self) -> Dataset:
        return getattr(self.plan.datasets, self.name)

    @property
    def log(self) -> Log | None:
        return getattr(self.data, "log", None)

    @property
    def follows(self) -> bool:
        return self.name in followed(self.plan)

    def terms(self, scenario: Scenario) -> tuple[tuple[Term, ...], tuple[Term, ...], str]:
        """Loss, recovery, and what a reader should know besides."""
        match scenario:
            case "region lost":
                return self.region_loss(), self.region_recovery(), self.fall_back()
            case "data corrupted":
                return self.copied(away=False), self.repair(), self.glacier()
            case "replica lost":
                return (), *self.replica()
            case "DR site lost":
                return (), self.rebuilt_site(), "production goes on; its copies and its log wait for the site"

    # Limits.

    def loss_limit(self) -> Limit:
        granted = self.data.exception
        if granted and granted.rpo:
            path = f"datasets.{self.name}.exception.rpo"
            return Limit(duration=granted.rpo, path=path, reason=granted.reason)
        return Limit(duration=self.plan.objectives.rpo, path="objectives.rpo")

    def recovery_limit(self, scenario: Scenario) -> Limit:
        granted, plan = self.data.exception, self.plan
        if granted and granted.rto:
            path = f"datasets.{self.name}.exception.rto"
            return Limit(duration=granted.rto, path=path, reason=granted.reason)
        promised: timedelta = getattr(plan.strategies, plan.strategy)
        if scenario == "region lost" and promised < plan.objectives.rto:
            return Limit(duration=promised, path=f"strategies.{plan.strategy}")
        return Limit(duration=plan.objectives.rto, path="objectives.rto")

    # What is lost.

    def region_loss(self) -> tuple[Term, ...]:
        if isinstance(self.data, Redis) and self.follows:
            return terms(self.assumed("the replica at the DR site behind", "replica_lag"))
        return self.copied(away=True)

    def copied(self, *, away: bool) -> tuple[Term, ...]:
        """From a change to its being safe in a copy; `away`: in the DR region."""
        if self.log:
            kind, bucket = "log", self.log.to
            waits = terms(
                Term("between two pieces of the log", self.log.every, FromPlan(f"{self.path('log')}.every")),
                self.assumed("a piece on its way to the bucket", "log_upload"),
            )
        else:
            kind, backup = self.densest()
            bucket: Bucket = backup.to if isinstance(backup, Snapshot) else "local"
            waits = self.copy_terms(kind, backup)
        if away and bucket == "local":
            return terms(waits, REPLICATION)
        return waits

    def copy_terms(self, kind: str, backup: Backup) -> tuple[Term, ...]:
        path = self.path(kind)
        return terms(
            Term(f"from one {kind} copy to the next", longest_gap((backup.schedule,)), FromPlan(f"{path}.schedule")),
            Term("a late start", backup.start_deadline, FromPlan(f"{path}.start_deadline")),
            Term("the copy itself", backup.time_limit, FromPlan(f"{path}.time_limit")),
        )

    def densest(self) -> tuple[str, Backup]:
        kinds = {kind: getattr(self.data, kind, None) for kind in ("full", "incremental", "snapshot")}
        backups = {kind: backup for kind, backup in kinds.items() if isinstance(backup, Backup)}
        return min(backups.items(), key=lambda each: longest_gap((each[1].schedule,)))

    def fall_back(self) -> str:
        if isinstance(self.data, Redis) and self.follows:
            without = Sum(terms=self.copied(away=True), limit=self.loss_limit())
            return f"should the replica be gone as well, {without.figure} are lost, from the snapshot"
        return _ALONE

    # How long it takes.

    def region_recovery(self) -> tuple[Term, ...]:
        plan, check = self.plan, self.plan.dns.health_check
        ready = (
            self.promotion()
            if plan.strategy == "warm"
            else terms(self.assumed("the site is made ready", "build_site"), self.restore())
        )
        return terms(
            self.assumed("until the first alarm", "notice"),
            self.assumed("until the word is given", "decide"),
            Term("the old lease runs out", plan.lease.duration, FromPlan("lease.duration")),
            Term("its margin", plan.lease.margin, FromPlan("lease.margin")),
            ready,
            self.assumed("the services ready at their least", "pods"),
            CHECKS,
            Term(
                "health checks see the marker",
                check.interval * check.failures,
                FromPlan("dns.health_check.interval, failures"),
            ),
            NAME_SERVERS,
            Term("addresses in caches", plan.dns.ttl, FromPlan("dns.ttl")),
        )

    def promotion(self) -> tuple[Term, ...]:
        """What a warm site still has to do for this dataset."""
        if self.name in _PROMOTION:
            return terms([_DRAIN] if self.log else [], _PROMOTION[self.name])
        return () if self.follows else self.restore()

    def repair(self) -> tuple[Term, ...]:
        return terms(
            self.assumed("until the word is given", "decide"),
            self.assumed("finding the last good moment", "choose_moment"),
            self.restore(),
            CHECKS,
        )

    def restore(self) -> tuple[Term, ...]:
        assumptions = self.plan.assumptions
        size: int = getattr(assumptions.size, self.name)
        speed: int = getattr(assumptions.restore_per_second, self.name)
        basis = Assumption(f"assumptions.size.{self.name} ÷ assumptions.restore_per_second.{self.name}")
        copy = Term(f"restore of {format_size(size)}", lasting(size / speed), basis)
        check = lasting(size / SHA256_BYTES_PER_SECOND.value)
        parts = [copy, Term("every byte checked", check, SHA256_BYTES_PER_SECOND.basis)]
        if hasattr(self.data, "incremental"):
            parts.append(Term("incremental copies put on top", copy.duration, basis))
        if self.log:
            parts.append(self.replay(speed))
        return tuple(parts)

    def replay(self, speed: int) -> Term:
        """The log since the newest copy that is sure to be there."""
        kinds = [getattr(self.data, kind, None) for kind in ("full", "incremental")]
        backups = [backup for backup in kinds if isinstance(backup, Backup)]
        late = max(backup.start_deadline + backup.time_limit for backup in backups)
        window = longest_gap(tuple(backup.schedule for backup in backups)) + late + REPLICATION.duration
        a_day: int = getattr(self.plan.assumptions.log_per_day, self.name)
        per_second, assumed = float(speed), f"assumptions.log_per_day.{self.name}"
        if measured := _REPLAY.get(self.name):
            per_second = measured.value
            assumed += f", {measured.basis.words()}"
        return Term(
            f"replay of up to {read_duration(window)} of log",
            lasting(a_day * (window / timedelta(days=1)) / per_second),
            Assumption(assumed),
        )

    def replica(self) -> tuple[tuple[Term, ...], str]:
        if self.name not in _PROMOTION:
            return (), ""
        copy = self.restore()[0]
        again = Term("the replica is copied again", copy.duration, copy.basis)
        return terms(self.assumed("until the first alarm", "notice"), again), "customers notice nothing"

    def rebuilt_site(self) -> tuple[Term, ...]:
        full = self.data.full
        return terms(
            self.assumed("until the first alarm", "notice"),
            self.assumed("the site is built again, once its region is back", "build_site"),
            self.restore()[:1] if self.follows else [],
            Term("a first full copy", full.time_limit, FromPlan(f"{self.path('full')}.time_limit")),
            REPLICATION,
        )

    def glacier(self) -> str:
        keep = self.log.keep if self.log else self.data.full.keep
        what = "any moment" if self.log else "any copy"
        return (
            f"counted from when the damage is seen; back to {what} of the last {read_duration(keep.cloud)}, "
            f"older ones take {read_duration(timedelta(hours=GLACIER_RETRIEVAL_HOURS.value))} more (Glacier)"
        )

    def path(self, kind: str) -> str:
        return f"datasets.{self.name}.{kind}"

    def assumed(self, name: str, key: str) -> Term:
        return Term(name, getattr(self.plan.assumptions, key), Assumption(f"assumptions.{key}"))
