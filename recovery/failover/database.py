"""Whether what would be promoted is the right database, and whether what it lacks is accepted."""

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.forecast import Forecast
from recovery.failover.overrides import LOSS, Overrides
from recovery.failover.restoring import Wish, astray
from recovery.failover.source import foreign
from recovery.lease.lease import Lease
from recovery.ports.standby import StandbyState

_SLACK_MINUTES = 15  # between seeing what is lost and accepting it


def judge_database(bundle: Bundle, facts: Facts, wish: Wish | None, run: str, found: Findings) -> None:
    """A standby that answers, with production's data, and of the moment that this run is about."""
    _standby(bundle, facts, found)
    _pinned(facts, wish, run, found)


def _standby(bundle: Bundle, facts: Facts, found: Findings) -> None:
    if isinstance(facts.standby, Unknown):
        backup = facts.newest_backup or "not known: the backup bucket did not answer"
        restore = f"restore from the newest full backup ({backup}); see `dr backups`"
        first = facts.standby.next_step or "bring it back"
        found.no(
            f"the PostgreSQL standby cannot be used: {facts.standby.why}",
            # A database that answers, if only to turn us away, needs no backup.
            first if facts.standby.answered else f"{first}; only if it is lost, {restore}",
        )
        return
    recorded = facts.lease.system_identifier if isinstance(facts.lease, Lease) else ""
    if stranger := foreign(facts.standby.system_identifier, bundle, recorded):
        found.no(
            f"the standby {stranger}: these are other data",
            "find out which database this is; nothing here will promote it. Where production was rebuilt on purpose: "
            "`dr lease system`, and a new standby",
        )
    elif not recorded and not bundle.system_identifier:
        found.warn("production's system identifier is not known: its guard never saw the primary")


def _pinned(facts: Facts, wish: Wish | None, run: str, found: Findings) -> None:
    """A database of a moment is promoted as that, with what is lost accepted, or not at all."""
    ordered, standby = facts.ordered, facts.standby
    to = ordered.order.to if ordered else ""
    if ordered and to and not (wish and wish.corruption):
        again = Wish(ordered.order.asked).command
        found.no(f"run {run} is a promotion after corruption, to {ordered.order.asked}", f"go on with it: {again}")
    elif isinstance(standby, StandbyState) and standby.in_recovery:
        if to and (why := astray(standby, to)):
            found.no(f"the standby {why}: it is not what this run restored", "see docs/runbooks/corruption.md")
        elif standby.pinned and not to:
            found.no(
                f"the standby was restored to {standby.pinned} for a promotion after corruption, and follows nobody",
                "go on with that promotion, or take it back: dr promote --give-up (docs/runbooks/corruption.md)",
            )


def judge_role(facts: Facts, found: Findings) -> None:
    """Before the lease is taken it must be a standby still."""
    if isinstance(facts.standby, StandbyState) and not facts.standby.in_recovery:
        found.no(
            "the DR database is a primary already, and this run has not promoted it",
            "find out who did and what it has accepted; rebuild it as a standby before promoting",
        )


def judge_loss(bundle: Bundle, facts: Facts, forecast: Forecast, overrides: Overrides, found: Findings) -> None:
    """More than the RPO has to be accepted; and whatever is lost on purpose."""
    if forecast.loss.on_purpose:
        _on_purpose(facts, forecast, overrides, found)
        return
    if isinstance(facts.standby if facts.restoring is None else facts.restoring, Unknown):
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
            ("wait: WAL still comes in" if forecast.loss.arriving else f"wait for {forecast.loss.of}")
            + f", or accept the loss: --{LOSS} {int(seconds) + 1}s",
            LOSS,
        )


def _on_purpose(facts: Facts, forecast: Forecast, overrides: Overrides, found: Findings) -> None:
    """What is given up has to be said, however little: nobody else decides that orders are thrown away."""
    given_up = facts.ordered.lost_seconds if facts.ordered else 0.0
    accepted = overrides.accept_loss.total_seconds() if overrides.accept_loss else 0.0
    if given_up >= accepted:
        minutes = int(given_up // 60) + _SLACK_MINUTES
        found.no(forecast.loss.words(), f"if that is what you want, accept it: --{LOSS} {minutes}m", LOSS)
