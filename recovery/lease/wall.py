"""The wall: at each site only the gate reaches the database as the application. What a check saw, and what it is worth
later. The lease fences a site through its gate, so it fences nothing whose way leads past the gate."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.lease.guard_report import GuardReport, Objection, every
from recovery.plan.plan import LeaseTerms, SiteName
from recovery.units import read_duration

SCHEDULE, TIME_LIMIT = "17 * * * *", timedelta(minutes=5)
"""When production's wall is tried, and how long one try may take. The DR site's the monitor tries at each look."""
OLDEST = timedelta(days=1)
"""An older check is worth an alarm: it does not run any more, while rules of a database and of a network change with
nobody thinking of the gate."""


@dataclass(frozen=True, kw_only=True)
class WallCheck:
    """One attempt to get past the gate that shows something. `words` are the database's own, or say why its silence
    counts."""

    site: SiteName
    holds: bool
    at: datetime  # the checker's clock, UTC
    address: str  # of the database, as it was asked
    asked_from: str  # the host that asked: rules may tell apart where a connection comes from
    words: str

    def sentence(self) -> str:
        """What was seen."""
        outcome = "keeps the application out" if self.holds else "LET THE APPLICATION IN past the gate"
        return f"the database at {self.address} {outcome}, asked from {self.asked_from}: {self.words}"


def doubts(check: WallCheck | None, now: datetime) -> str:
    """Why a check does not show that the wall holds today; empty when it does."""
    if check is None:
        return "never checked"
    if not check.holds:
        return check.sentence()
    age = now - check.at
    return f"last checked {read_duration(age)} ago, more than {read_duration(OLDEST)}" if age > OLDEST else ""


def report_within(terms: LeaseTerms) -> timedelta:
    """How long after a silence the guard's next report is waited for: one may be lost."""
    return min(2 * every(terms), TIME_LIMIT / 2)


def against_silence(
    report: GuardReport | None, site: SiteName, address: str, *, silent_at: datetime, terms: LeaseTerms
) -> Objection | None:
    """Why it proves nothing that `address` said nothing; None when the database lived all the same, since its guard
    logged in there afterwards: then the network keeps out whoever asked."""
    if report is None or report.at < silent_at:
        last = f"its last report is of {report.at:%Y-%m-%d %H:%M} UTC" if report else "it has never reported"
        return Objection(
            f"the guard of site {site} has not logged in there since ({last}), so the database itself may be gone",
            f"see that its Pod runs and look at its log; one that works reports every {read_duration(every(terms))}",
        )
    if report.database is None:
        problem = report.database_problem or "not tried yet"
        return Objection(
            f"the guard of site {site} cannot log in either ({problem}), so the database itself may be gone",
            "see that the database runs, then check again",
        )
    if report.database.address != address:
        there = report.database.address or "it does not say where, since its version is older"
        return Objection(
            f"the guard of site {site} logs in elsewhere ({there}), which says nothing of {address}",
            "give the check the address of the guard's --upstream, and both the same version; a database whose guard "
            "is beside it has to answer by itself",
        )
    return None


def command(site: SiteName) -> str:
    """How to check it."""
    return f"run `dr check wall --site {site}` in that site's network"


def item(site: SiteName) -> str:
    """The key of a site's last check in the control table."""
    return f"wall#{site}"
