"""How the copying of static assets is judged: by its rule and S3's own metrics."""

from datetime import UTC, datetime, timedelta

from operations.monitoring.assets import judge_assets
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from recovery.ports.metrics import ReplicationSeen

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def judged(**of: object) -> Judged:
    seen = {"pending": 0.0, "pending_bytes": 0.0, "behind": 0.0} | of
    return judge_assets("shop", ReplicationSeen(**seen), now=NOW)  # type: ignore[arg-type]


def test_all_is_well_while_nothing_failed_and_nothing_is_late() -> None:
    assert judged() == Judged(OK, "shop is copied; nothing waits")
    assert judged(pending=1200.0, pending_bytes=3e6, behind=40.0).words == "shop is copied; 1,200 wait, 3MB"


def test_a_rule_that_is_gone_is_critical() -> None:
    found = judged(problem="it has no replication rule")
    assert found.level == CRITICAL and found.words == "shop is not copied: it has no replication rule"
    assert "batch-replication.md" in found.next_step


def test_what_s3_gave_up_on_is_told_with_the_runbook_that_copies_it() -> None:
    found = judged(failed=3, failed_at=NOW - timedelta(hours=2))
    assert found.level == WARNING
    assert found.words == "S3 gave up on copying 3 objects of shop, last 2h ago; nothing waits"
    assert "batch-replication.md" in found.next_step


def test_copies_later_than_s3_promises_are_told() -> None:
    found = judged(pending=7.0, behind=1800.0)
    assert found.level == WARNING and found.words == "copies of shop are 30m behind; 7 wait"


def test_silence_is_not_well() -> None:
    found = judged(behind=None, pending=None)
    assert found.level == WARNING and found.words == "nothing is heard of the copying of shop"
