"""Whether a promotion may begin: facts in, all reasons against it out. Reads nothing itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.collations import collation_words
from recovery.failover.database import judge_database, judge_loss, judge_role
from recovery.failover.facts import Facts, Findings, Reason, Unknown
from recovery.failover.forecast import Forecast
from recovery.failover.healing import Healing, judge_healing
from recovery.failover.overrides import LOCAL, ROOM, UNPROVEN, Overrides
from recovery.failover.production import judge_production, judge_walls
from recovery.failover.restoring import Wish
from recovery.failover.step import Step
from recovery.failover.steps import STEPS
from recovery.failover.steps.services import STEP as SERVICES
from recovery.lease.lease import Lease
from recovery.names import namespace_identity
from recovery.ports.cluster import ClusterRoom
from recovery.ports.standby import StandbyState
from recovery.site.room import fit


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


def guard_alone(verdict: Verdict) -> str:
    """What the DR guard's report says against it, where nothing else speaks against the promotion; else empty."""
    reasons = verdict.reasons
    return reasons[0].what if reasons and all(each.override == UNPROVEN for each in reasons) else ""


def judge(
    bundle: Bundle,
    facts: Facts,
    forecast: Forecast,
    overrides: Overrides,
    *,
    run: str,
    now: datetime,
    steps: Collection[Step[Any]] = STEPS,
    healing: Healing | None = None,
    wish: Wish | None = None,
) -> Verdict:
    """Whether `run` may begin, or go on with `steps`: those not done yet or, with `healing`, to be done again. Once the
    lease is this run's, production is fenced and its state is no longer asked; identities are asked always. `wish`:
    what is restored first; of a standby that is not there yet nothing is asked."""
    found = Findings(overrides=overrides.names())
    _identity(bundle, facts, found)
    if facts.restoring is None:
        judge_database(bundle, facts, wish, run, found)
    _lease(bundle, facts, forecast, overrides, run, wish, found)
    judge_walls(facts, overrides, now, found)
    if healing:
        judge_healing(healing, facts, found)
    for step in steps:
        step.obstacles(bundle, facts, found)
    if any(step.name == SERVICES.name for step in steps):
        _room(bundle, facts, overrides, found)
    _journal(facts, overrides, found)
    if facts.other:
        found.no(
            f"another promotion is going on: run {facts.other.run} by {facts.other.holder}",
            "talk to that operator; when that process is dead, its claim ends by itself within seconds",
        )
    _remarks(facts, overrides, found)
    return Verdict(reasons=tuple(found.reasons), warnings=tuple(found.warnings))


def _lease(
    bundle: Bundle,
    facts: Facts,
    forecast: Forecast,
    overrides: Overrides,
    run: str,
    wish: Wish | None,
    found: Findings,
) -> None:
    lease, corruption = facts.lease, bool(wish and wish.corruption)
    if isinstance(lease, Unknown):
        found.no(
            f"the site lease cannot be read: {lease.why}",
            lease.next_step or "check the path to DynamoDB in both regions; without the lease nothing can be fenced",
        )
    elif lease is None:
        found.no("the site lease was never initialised", "run `dr lease init --site prod` once, while production works")
    elif lease.site == "dr" and lease.holder_run != run and not corruption:
        astray = facts.marker is False
        found.no(
            f"the DR site is active already: epoch {lease.epoch}, taken by run {lease.holder_run}"
            + (", but the marker is absent: the public name leads to production, which is fenced" if astray else ""),
            "see `dr status`; if that run did not finish, run `dr promote --execute` where its journal is"
            + (", which also puts the marker again" if astray else ""),
        )
    elif lease.holder_run != run:
        if not corruption:  # else it is left on purpose, alive or not
            judge_production(bundle, facts, overrides, found)
        if facts.restoring is None:
            judge_role(facts, found)
            _guard(facts, overrides, found)
        judge_loss(bundle, facts, forecast, overrides, found)
        if facts.marker is True and lease.site == "prod":
            found.warn(
                "lease and name disagree: the lease is production's, but the marker is present, so the public name "
                "leads to the DR site, whose database is a standby; see `dr status`"
            )


def _room(bundle: Bundle, facts: Facts, overrides: Overrides, found: Findings) -> None:
    """Without nodes for the least that traffic moves at, a promotion would end up waiting for Pods. A run that has the
    lease already is only told."""
    if isinstance(facts.room, Unknown):
        found.warn(f"whether the services' Pods find room on the DR cluster's nodes is not known: {facts.room.why}")
    if not isinstance(facts.room, ClusterRoom):
        return
    seen = fit(bundle.plan.services, facts.room)
    begun = isinstance(facts.lease, Lease) and facts.lease.site == "dr"
    if seen.least_homeless and not overrides.without_room and not begun:
        found.no(
            f"traffic could not move: {seen.least_homeless} of {seen.least} Pods that it waits for find no node; "
            + seen.words(),
            "add nodes: raise `nodes` of the dr stack and run `pulumi up` (it needs nothing of the lost region), or "
            f"wait for a node that is being replaced; or begin and add them meanwhile: --{ROOM}",
            ROOM,
        )
    elif seen.full_homeless:
        found.warn(f"{seen.full_homeless} of {seen.full} Pods of full size find no node; {seen.words()}")


def _journal(facts: Facts, overrides: Overrides, found: Findings) -> None:
    if isinstance(facts.journal, Unknown) and not overrides.local_journal:
        found.no(
            f"the journal in the control table cannot be written or read: {facts.journal.why}",
            "wait for it, or go on with the local journal alone: --local-journal",
            LOCAL,
        )
    if facts.journal_folder:
        found.no(facts.journal_folder.why, facts.journal_folder.next_step)


def _identity(bundle: Bundle, facts: Facts, found: Findings) -> None:
    if isinstance(facts.account, Unknown):
        found.no(
            f"the AWS account is not known: {facts.account.why}",
            facts.account.next_step or "check the credentials of this shell",
        )
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
            facts.annotations.next_step or "check the path to the DR cluster's API and your access to the namespace",
        )
        return
    for key, expected in namespace_identity("dr", bundle.account, bundle.region).items():
        actual = facts.annotations.get(key)
        if actual != expected:
            found.no(
                f"namespace {bundle.namespace} says {key}={actual or 'nothing'}, the bundle wants {expected}",
                "this is not the DR site of the bundle: check --kubeconfig and --bundle",
            )


def _guard(facts: Facts, overrides: Overrides, found: Findings) -> None:
    """Behind a shut gate a guard that cannot work looks like one that can, but for its own report. Asked before the
    lease is taken; afterwards going on is all that is left, and the step `write` waits for this gate."""
    report = facts.guard_report
    if isinstance(report, Unknown):
        against = [(f"the report of the DR site's guard cannot be read: {report.why}", report.next_step)]
    else:
        against = [(each.what, each.next_step) for each in report]
    advice = f"or go on without: --{UNPROVEN} (the promotion then waits at `write` until this gate opens)"
    for what, next_step in against:
        if overrides.guard_unproven:
            found.warn(what)
        else:
            found.no(what, f"{next_step}; {advice}" if next_step else advice.removeprefix("or "), UNPROVEN)


def _remarks(facts: Facts, overrides: Overrides, found: Findings) -> None:
    standby = facts.standby
    if isinstance(facts.collations, tuple):
        for change in facts.collations:
            found.warn(collation_words(change))
    elif isinstance(facts.collations, Unknown) and not isinstance(standby, Unknown):
        found.warn(f"whether text is sorted as at the primary is not known: {facts.collations.why}")
    if isinstance(standby, StandbyState):
        if not standby.client_connection_check:
            found.warn(
                "client_connection_check_interval is off: a statement outlives its connection when a gate closes"
            )
        if standby.replay_paused:
            found.warn("replay is paused on the standby; the promotion resumes it")
    for name, value in overrides.names().items():
        found.warn(f"override {name}: {value}")
