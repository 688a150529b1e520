"""What a run leaves behind of the runs before it."""

from datetime import UTC, datetime, timedelta

from recovery.lease.backup_runs import RunReport, after

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def run(hours: int, due: int | None) -> RunReport:
    at = NOW + timedelta(hours=hours)
    return RunReport(site="prod", dataset="prune", kind="dr", at=at, outcome="made", due=due)


def test_copies_are_due_since_the_first_run_that_found_some_and_not_at_all_once_they_are_ended() -> None:
    first = after(None, run(0, 0))
    assert first.due_since is None
    found = after(first, run(6, 2))
    later = after(found, run(12, 3))
    assert (found.due_since, later.due_since) == (NOW + timedelta(hours=6),) * 2
    blind = after(later, run(18, None))
    assert blind.due_since == NOW + timedelta(hours=6), "a run that did not look says nothing"
    ended = after(blind, run(24, 0))
    assert (ended.due_since, ended.counts["made"]) == (None, 5)
