"""Whether a promotion may begin: facts in, all reasons against it out. Reads nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from recovery.bundle import Bundle
from recovery.forecast import Forecast
from recovery.lease import Lease
from recovery.names import namespace_identity
from recovery.ports import DeploymentState, RunClaim, ServiceAnswer, StandbyState

LOST, LOSS, LOCAL = "production-is-lost", "accept-loss", "local-journal"


@dataclass(frozen=True)
class Unknown:
    """Something that did not answer; never fine and never dead."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the operator takes upon himself; each is named in the journal."""

    production_is_lost: str = ""  # the reason, in his words
    accept_loss: timedelta | None = None
    local_journal: bool = False

    def names(self) -> dict[str, str]:
        """Those given, for journal and result."""
        given = {
            LOST: self.production_is_lost,
            LOSS: f"{self.accept_loss.total_seconds():g} s" if self.accept_loss else "",
            LOCAL: "yes" if self.local_journal else "",
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What preflight saw. `stream_moves` and `renewing` are the two of three views on production that are not HTTP."""

    account: str | Unknown
    server: str | Unknown  # the API server the kubeconfig names
    annotations: Mapping[str, str] | Unknown
    lease: Lease | Unknown | None
    renewing: bool | Unknown
    old_edge: ServiceAnswer | Unknown
    standby: StandbyState | Unknown
    stream_moves: bool | Unknown
    deployments: Mapping[str, DeploymentState] | Unknown
    marker: bool | Unknown
    journal: str | Unknown  # the control table answers for the journal
    other: RunClaim | None = None  # a live promotion of somebody else
    newest_backup: str = ""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why not. `override` names the option that goes on regardless, empty when there is none."""

    what: str
    next_step: str
    override: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All reasons against, and what is worth knowing."""

    reasons: tuple[Reason, ...]
    warnings: tuple[str, ...] = ()

    @property
    def may_go(self) -> bool:
        """No reason is left."""
        return not self.reasons

    def words(self) -> str:
        """All reasons, each with what to do."""
        return "\n".join(f"  - {reason.what}\n    {reason.next_step}" for reason in self.reasons)


@dataclass
class _Findings:
    reasons: list[Reason] = field(default_factory=list[Reason])
    warnings: list[str] = field(default_factory=list[str])

    def no(self, what: str, next_step: str, override: str = "") -> None:
        self.reasons.append(Reason(what=what, next_step=next_step, override=override))


def judge(bundle: Bundle, facts: Facts, forecast: Forecast, overrides: Overrides, *, run: str) -> Verdict:
    """Whether `run` may begin, or go on. Once the lease is this run's, production is fenced and its state is no
    longer asked; identities are asked always."""
    found = _Findings()
    _identity(bundle, facts, found)
    _standby(bundle, facts, found)
    if isinstance(facts.lease, Unknown):
        found.no(
            f"the site lease cannot be read: {facts.lease.why}",
            "check the path to DynamoDB in the DR region; without the lease nothing can be fenced",
        )
    elif facts.lease is None:
        found.no("the site lease was never initialised", "run `dr lease init --site prod` once, while production works")
    elif facts.lease.site == "dr" and facts.lease.holder_run != run:
        found.no(
            f"the DR site is active already: epoch {facts.lease.epoch}, taken by run {facts.lease.holder_run}",
            "see `dr status`; if that run did not finish, run `dr promote --execute` where its journal is",
        )
    elif facts.lease.site == "prod":
        _production(facts, overrides, found)
        _standby_role(facts, found)
        _loss(bundle, facts, forecast, overrides, found)
    if isinstance(facts.journal, Unknown) and not overrides.local_journal:
        found.no(
            f"the journal in the control table cannot be written or read: {facts.journal.why}",
            "wait for it, or go on with the local journal alone: --local-journal",
            LOCAL,
        )
    if facts.other:
        found.no(
            f"another promotion is going on: run {facts.other.run} by {facts.other.holder}",
            "talk to that operator; when that process is dead, its claim ends by itself within seconds",
        )
    _remarks(facts, overrides, found)
    return Verdict(reasons=tuple(found.reasons), warnings=tuple(found.warnings))


def _identity(bundle: Bundle, facts: Facts, found: _Findings) -> None:
    if isinstance(facts.account, Unknown):
        found.no(f"the AWS account is not known: {facts.account.why}", "check the credentials of this shell")
    elif facts.account != bundle.account:
        found.no(
            f"these credentials are of account {facts.account}, the bundle is about {bundle.account}",
            "switch to the right AWS profile",
        )
    if isinstance(facts.server, Unknown):
        found.no(f"no kubeconfig: {facts.server.why}", "name the DR cluster's kubeconfig with --kubeconfig")
        return
    if facts.server.rstrip("/") != bundle.cluster.endpoint.rstrip("/"):
        found.no(
            f"the kubeconfig is of {facts.server}, the DR cluster {bundle.cluster.name} is {bundle.cluster.endpoint}",
            f"aws eks update-kubeconfig --name {bundle.cluster.name} --region {bundle.region}",
        )
        return
    if isinstance(facts.annotations, Unknown):
        found.no(
            f"namespace {bundle.namespace} cannot be read: {facts.annotations.why}",
            "check the path to the DR cluster's API and your access to the namespace",
        )
        return
    for key, expected in namespace_identity("dr", bundle.account, bundle.region).items():
        actual = facts.annotations.get(key)
        if actual != expected:
            found.no(
                f"namespace {bundle.namespace} says {key}={actual or 'nothing'}, the bundle wants {expected}",
                "this is not the DR site of the bundle: check --kubeconfig and --bundle",
            )


def _standby(bundle: Bundle, facts: Facts, found: _Findings) -> None:
    if isinstance(facts.standby, Unknown):
        backup = facts.newest_backup or "not known: the backup bucket did not answer"
        found.no(
            f"the PostgreSQL standby did not answer: {facts.standby.why}",
            f"bring it back, or restore from the newest full backup ({backup}); see `dr backups`",
        )
        return
    expected, actual = bundle.system_identifier, facts.standby.system_identifier
    if expected and expected != actual:
        found.no(
            f"the standby has system identifier {actual}, production's is {expected}: these are other data",
            "find out which database this is; nothing here will promote it",
        )


def _standby_role(facts: Facts, found: _Findings) -> None:
    if isinstance(facts.standby, StandbyState) and not facts.standby.in_recovery:
        found.no(
            "the DR database is a primary already and the lease is production's: no run of ours promoted it",
            "find out who did and what it has accepted; rebuild it as a standby before promoting",
        )


def _production(facts: Facts, overrides: Overrides, found: _Findings) -> None:
    """Any of three views that sees production alive is enough to refuse."""
    if overrides.production_is_lost:
        return
    advice = f'if you know better, say so: --{LOST} "why" (it is recorded)'
    edge = facts.old_edge
    if isinstance(edge, ServiceAnswer) and edge.site == "prod" and edge.status == 200 and edge.database in (None, "ok"):
        found.no("production still takes orders: its edge answers, with its database", advice, LOST)
    if facts.stream_moves is True:
        found.no("production's database is alive: the DR standby still receives its WAL", advice, LOST)
    if facts.renewing is True:
        found.no("production's guard is alive: it renewed the site lease just now", advice, LOST)
    unseen = [v.why for v in (facts.renewing, facts.stream_moves) if isinstance(v, Unknown)]
    if unseen and not isinstance(facts.lease, Unknown) and not isinstance(facts.standby, Unknown):
        found.no(f"one view on production is missing: {'; '.join(unseen)}", advice, LOST)


def _loss(bundle: Bundle, facts: Facts, forecast: Forecast, overrides: Overrides, found: _Findings) -> None:
    if isinstance(facts.standby, Unknown):
        return
    seconds, rpo = forecast.loss.seconds_at_most, bundle.plan.objectives.rpo.total_seconds()
    if seconds is None:
        if overrides.accept_loss is None:
            found.no(f"the loss is not known: {forecast.loss.estimate}", f"accept it with --{LOSS} DURATION", LOSS)
        return
    allowed = max(rpo, overrides.accept_loss.total_seconds() if overrides.accept_loss else 0.0)
    if seconds > allowed:
        missing = forecast.loss.bytes_missing
        size = "an unknown number of" if missing is None else f"{missing:,}"
        found.no(
            f"{seconds:.0f} s of orders and {size} bytes would be lost; the RPO is {rpo:.0f} s",
            f"wait for the standby, or accept the loss: --{LOSS} {int(seconds) + 1}s",
            LOSS,
        )


def _remarks(facts: Facts, overrides: Overrides, found: _Findings) -> None:
    standby = facts.standby
    if isinstance(standby, StandbyState):
        if not standby.client_connection_check:
            found.warnings.append(
                "client_connection_check_interval is off: a statement outlives its connection when a gate closes"
            )
        if standby.replay_paused:
            found.warnings.append("replay is paused on the standby; the promotion resumes it")
    if isinstance(facts.deployments, Unknown):
        found.warnings.append(f"the services' state is not known yet: {facts.deployments.why}")
    if isinstance(facts.marker, Unknown):
        found.no(
            f"the marker bucket does not answer: {facts.marker.why}",
            "check that the foundation stack made it and that you may write there; without it the name cannot move",
        )
    for name, value in overrides.names().items():
        found.warnings.append(f"override {name}: {value}")


def is_renewing(lease: Lease, renewal: timedelta, *, now: datetime) -> bool | None:
    """Whether the holder renews, from its last heartbeat alone: False when it is too old to be alive, else None,
    and then the renewals have to be watched (clocks of two machines are not compared more closely than that)."""
    if lease.heartbeat is None:
        return None
    age = now - lease.heartbeat.at
    return False if age > 2 * renewal else None


def facts_for_journal(facts: Facts) -> dict[str, Any]:
    """What the journal keeps of the facts."""

    def plain(value: object) -> object:
        if isinstance(value, Unknown):
            return f"UNKNOWN: {value.why}"
        return value if isinstance(value, str | bool | int | float | None) else str(value)

    names = ("account", "server", "renewing", "old_edge", "standby", "stream_moves", "marker", "journal")
    return {name: plain(getattr(facts, name)) for name in names}
