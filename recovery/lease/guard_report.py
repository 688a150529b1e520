"""What a guard says of itself, whether its gate is open or shut: the only sign that one behind a shut gate can work.

One item a site in the control table, beside the lease: what renews the lease must not depend on it. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from recovery.lease.guard_rules import Mode
from recovery.plan.plan import LeaseTerms, SiteName
from recovery.units import read_duration

_MISSED = 3


class SlotSeen(NamedTuple):
    """A replication slot: how many bytes of WAL the server keeps for it. A lost one was given up for others' room."""

    name: str
    retained: int
    lost: bool


@dataclass(frozen=True, kw_only=True)
class DatabaseSeen:
    """The server that the guard logged in to. `slots` are None and `address` is empty where a guard of an older version
    does not say; `slot_cap` in bytes is the most that a slot may keep there (max_slot_wal_keep_size), None without any
    bound."""

    system_identifier: str
    in_recovery: bool
    address: str = ""  # as the guard was given it
    slots: tuple[SlotSeen, ...] | None = None
    slot_cap: int | None = None


@dataclass(frozen=True, kw_only=True)
class GuardReport:
    """What one guard process could do when it last tried. Times are its own clock's, UTC."""

    site: SiteName
    boot_id: str
    started: datetime  # of the process: a younger one's report is not overwritten by an older one's
    at: datetime
    mode: Mode
    version: str
    gate_open: bool
    lease: str  # what it read, in words
    lease_problem: str = ""  # why it could not read or renew the lease, empty when it could
    database: DatabaseSeen | None = None
    database_problem: str = ""


class Objection(NamedTuple):
    """What keeps this guard from doing its work, and what to do about it."""

    what: str
    next_step: str


def every(terms: LeaseTerms) -> timedelta:
    """How often a guard reports: once in the time that a lease lasts."""
    return terms.duration


def fresh_for(terms: LeaseTerms) -> timedelta:
    """How old a report may be: one that is lost is no alarm, three are."""
    return _MISSED * every(terms)


def objections(
    report: GuardReport | None, site: SiteName, terms: LeaseTerms, *, system_identifier: str, now: datetime
) -> Iterator[Objection]:
    """All there is against this site's guard. `system_identifier`: production's, empty while it is not known."""
    look = f"look at its log (`kubectl logs` of the Pod with `dr guard` at site {site})"
    if report is None:
        yield Objection(
            f"the guard of site {site} has never reported: nobody knows whether it can open its gate",
            f"see that its Pod runs and {look}; a guard that works reports every {read_duration(every(terms))}",
        )
        return
    age, limit = now - report.at, fresh_for(terms)
    if age > limit:
        yield Objection(
            f"the guard of site {site} has not reported for {read_duration(age)} (limit {read_duration(limit)})",
            f"see that its Pod runs and {look}",
        )
        return  # what it could do then says nothing about now
    if report.lease_problem:
        yield Objection(f"the guard of site {site} cannot use the lease: {report.lease_problem}", look)
    if report.database is None:
        yield Objection(
            f"the guard of site {site} cannot log in to its database: {report.database_problem or 'not tried yet'}",
            f"check the role dr_guard, its password and the way to the database; {look}",
        )
    elif system_identifier and report.database.system_identifier != system_identifier:
        yield Objection(
            f"the guard of site {site} guards a database with system identifier {report.database.system_identifier}, "
            f"production's is {system_identifier}",
            "correct the guard's --upstream: its gate would lead to other data",
        )


def words(report: GuardReport, now: datetime) -> str:
    """One line."""
    gate = "gate open" if report.gate_open else "gate closed"
    if report.database is None:
        database = "no login to the database"
    else:
        database = "logged in to " + ("a standby" if report.database.in_recovery else "a primary")
    age = f"{max(0.0, (now - report.at).total_seconds()):.0f} s ago"
    return f"{gate}, {report.mode}, version {report.version}; {database}; reported {age}"
