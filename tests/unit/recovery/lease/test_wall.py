"""What a database's silence is worth: nothing, unless its guard logs in to it afterwards."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recovery.lease.guard_report import GuardReport
from recovery.lease.wall import TIME_LIMIT, against_silence, report_within
from tests.support.promotion import NOW, bundle, guard_report

TERMS = bundle().plan.lease
AT = "primary.example:5432"
SECOND = timedelta(seconds=1)


def report(*, at: timedelta = SECOND, address: str = AT) -> GuardReport:
    """Production's guard's, `at` after the silence."""
    made = guard_report(site="prod", at=NOW + at)
    assert made.database
    return replace(made, database=replace(made.database, address=address))


def test_silence_counts_when_the_guard_logged_in_to_the_same_address_after_it() -> None:
    assert against_silence(report(), "prod", AT, silent_at=NOW, terms=TERMS) is None


@pytest.mark.parametrize(
    ("found", "words", "next_step"),
    [
        (None, "it has never reported", "see that its Pod runs"),
        (report(at=-SECOND), "its last report is of 2026-11-22 02:59 UTC", "reports every 30s"),
        (
            replace(report(), database=None, database_problem="refused"),
            "cannot log in either (refused)",
            "database runs",
        ),
        (report(address="other.example:5432"), "logs in elsewhere (other.example:5432)", "--upstream"),
        (report(address="/run/postgres-gate:5432"), "logs in elsewhere (/run/", "has to answer by itself"),
        (report(address=""), "its version is older", "the same version"),
    ],
    ids=["never", "before", "no login", "other database", "socket", "old guard"],
)
def test_silence_proves_nothing_otherwise(found: GuardReport | None, words: str, next_step: str) -> None:
    objection = against_silence(found, "prod", AT, silent_at=NOW, terms=TERMS)
    assert objection
    assert words in objection.what
    assert next_step in objection.next_step


def test_the_guard_s_next_report_is_waited_for_while_the_job_still_has_time() -> None:
    assert report_within(TERMS) == timedelta(minutes=1)
    long = TERMS.model_copy(update={"duration": timedelta(minutes=10)})
    assert report_within(long) < TIME_LIMIT
