"""Scheduled runs are counted in the control table, as they end."""

from collections.abc import Callable

import pytest

from cloud.control_table import ControlTable
from cloud.run_reports import DynamoRunReports
from operations.copies.runs import counted
from recovery.errors import Failed, Unreachable
from recovery.plan.plan import SiteName


def test_each_end_of_a_run_is_counted_with_its_reason_and_sites_apart(
    table_at: Callable[[str], ControlTable],
) -> None:
    reports = DynamoRunReports(table_at("operator"))
    told: list[str] = []

    def run(site: SiteName) -> None:
        with counted(reports, site, "postgres", "full", tell=told.append) as one:
            if site == "dr":
                one.outcome, one.why = "skipped", "not the active site"

    assert reports.read("prod", "postgres", "full") is None
    for site in ("prod", "dr", "prod"):
        run(site)
    with pytest.raises(Failed), counted(reports, "prod", "postgres", "full", tell=told.append):
        raise Failed("no room")
    made, skipped = (reports.read(site, "postgres", "full") for site in ("prod", "dr"))
    assert made and skipped
    assert (made.outcome, made.why, dict(made.counts)) == ("failed", "no room", {"made": 2, "skipped": 0, "failed": 1})
    assert (skipped.outcome, skipped.why, skipped.counts["skipped"]) == ("skipped", "not the active site", 1)
    assert told == []


def test_a_run_that_cannot_be_counted_ends_as_it_does() -> None:
    class Silent:
        def read(self, site: SiteName, dataset: str, kind: str) -> None:
            return None

        def add(self, run: object) -> None:
            raise Unreachable("the control table does not answer")

    told: list[str] = []
    with counted(Silent(), "prod", "postgres", "full", tell=told.append):
        pass
    assert told == ["this run could not be counted: the control table does not answer"]
