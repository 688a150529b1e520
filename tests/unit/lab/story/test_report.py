"""The end of `make lab`: one row a term, the limit that is judged, and nothing over its forecast goes unsaid."""

from dataclasses import replace
from typing import Any

import pytest

from lab.project import STACKS
from lab.story import report
from lab.story.measure import Change
from lab.story.progress import Progress
from lab.story.scenario import CACHED, UNCACHED, Facts
from lab.ultramarket.shop import Order
from tests.support.promotion import PLAN

SECONDS = {
    "preflight": 1.5,
    "start and lease": 0.5,
    "fence wait": 32.0,
    "old site": 0.8,
    "scale-up": 10.0,
    "replay": 0.0,
    "PostgreSQL promotion": 0.2,
    "checks": 1.0,
    "health check": 10.0,
}
FORECAST = {
    "terms": [{"name": name, "seconds": seconds} for name, seconds in SECONDS.items()],
    "total_seconds": 46.0,
    "orders_at_most": 3,
    "redis": {"changes_at_most": 3},
}


RESTORE = {
    "kind": "beside",
    "target": "2026-11-30T12:00:00+00:00",
    "orders_expected": 4,
    "orders_found": 4,
    "same_as_before": True,
    "write_refused": "read-only",
    "put_back": True,
    "seconds": 8.0,
}


def order(client: str, site: str, acked: float) -> Order:
    return Order(client=client, id=f"{client}-{site}", sent=acked, acked=acked, site=site, epoch=1)


def story(**changes: Any) -> Facts:
    """A run in which everything held: fence wait 32.3 s, health check 3 s, the first order after 40 s."""
    orders = [order(client, site, at) for client in (UNCACHED, CACHED) for site, at in (("prod", 99.0), ("dr", 140.0))]
    made = Facts(
        preview_second=dict.fromkeys(STACKS, 0),
        backup={"verified": True, "replicated": True},
        standby_restart={"streams": True, "seconds": 2.0, "why": ""},
        walls={site: {"state": "OK", "words": "pg_hba.conf rejects connection"} for site in ("prod", "dr")},
        log={
            "samples": 40,
            "lag_p50_seconds": 0.7,
            "lag_p99_seconds": 1.4,
            "goes_on_at_dr": True,
            "bucket_ahead_bytes": 17568,
            "drained_bytes": 17520,
        },
        epoch_before=1,
        epoch_after=2,
        died=99.0,
        promote_started=100.0,
        forecast=FORECAST,
        lease_taken=Change("dr", 101.7, 101.8),
        database_promoted=Change(False, 133.9, 134.0),
        marker_seen=Change(True, 134.7, 134.8),
        name_moved=Change("dr", 137.6, 137.7),
        orders=orders,
        stored={each.id for each in orders},
        carts={each.id for each in orders},
        write_refused={"gate": "refused"},
        restore=RESTORE,
        due_full={"why": "the newest full backup is of epoch 1, and this is epoch 2", "epoch": 2, "seconds": 4.0},
        up_while_dead={"changed": ["nodes"], "replicas_kept": True, "preview_with_refresh": 0},
    )
    return replace(made, **changes)


def late(seconds: float) -> Facts:
    """The same with the first order so many seconds after the start."""
    orders = [order(client, "dr", 100.0 + seconds) for client in (UNCACHED, CACHED)]
    before = [order(client, "prod", 99.0) for client in (UNCACHED, CACHED)]
    return story(orders=[*before, *orders], stored={each.id for each in [*before, *orders]})


def shown(facts: Facts, capsys: pytest.CaptureFixture[str]) -> list[str]:
    report.show(report.build(facts, Progress(), PLAN), facts)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_term_has_one_row_with_forecast_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(story(), capsys)
    rows = lines[lines.index("Forecast against measured") :]
    assert sum(line.startswith("fence wait") for line in rows) == 1
    assert sum(line.startswith("health check") for line in rows) == 1
    assert "fence wait until PostgreSQL is promoted 33.0 s at least 32.0 s 32.3 s" in rows
    assert "health check 10.0 s 3.0 s" in rows


def test_the_limit_that_is_judged_is_printed_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(story(), capsys)
    # 5 s + the 32.3 s measured + the health check's 10 s
    assert "promotion until the first order 46.0 s at most 47.3 s 40.0 s" in lines
    assert any(line.startswith("Judged:") and "5 s + the fence wait measured" in line for line in lines)


def test_all_within_forecast_and_limit_is_ok_without_a_but(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(story(), capsys)[-1] == "ok: everything above holds"


def test_over_the_forecast_within_the_limit_is_ok_but(capsys: pytest.CaptureFixture[str]) -> None:
    facts = late(47.2)
    lines = shown(facts, capsys)
    assert any(line.startswith("promotion until") and line.endswith("over the forecast by 1.2 s") for line in lines)
    assert lines[-1] == "ok, but over the forecast: promotion until the first order by 1.2 s"
    built = report.build(facts, Progress(), PLAN)
    assert built["ok"] is True
    assert built["over_forecast"] == ["promotion until the first order by 1.2 s"]


def test_a_term_without_a_limit_is_marked_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    facts = story(name_moved=Change("dr", 145.0, 145.2), database_promoted=Change(False, 134.7, 134.9))
    assert shown(facts, capsys)[-1] == (
        "ok, but over the forecast: fence wait until PostgreSQL is promoted by 0.2 s, health check by 0.5 s"
    )


def test_over_the_limit_is_not_ok_and_the_row_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(late(50.0), capsys)
    assert any(line.startswith("promotion until") and line.endswith("over the limit by 2.70 s") for line in lines)
    assert lines[-1] == "NOT OK: promotion took longer than 47.3 s"


def test_what_was_not_seen_is_said_and_never_marked_as_within(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(story(name_moved=None), capsys)
    assert "health check 10.0 s not seen" in lines
    assert lines[-1] == "ok, but not seen: health check"


def test_the_bound_of_the_loss_says_when_it_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = [line for line in shown(story(), capsys) if line.startswith("orders lost")]
    assert row == "orders lost (bound of --execute, not of the dry run) 3 at most 3 0 of 4"


def test_a_standby_that_did_not_come_back_is_not_ok(capsys: pytest.CaptureFixture[str]) -> None:
    gone = {"streams": False, "seconds": 60, "why": "data directory has invalid permissions"}
    assert shown(story(standby_restart=gone), capsys)[-1] == (
        "NOT OK: the standby did not come back after its Pod was deleted"
    )


@pytest.mark.parametrize(
    ("ahead", "drained", "holds"), [(17568, 17568, True), (17568, 17000, True), (17568, 9000, False), (0, 0, False)]
)
def test_what_only_the_bucket_had_must_be_drained_but_for_a_torn_record(ahead: int, drained: int, holds: bool) -> None:
    log = {**story().log, "bucket_ahead_bytes": ahead, "drained_bytes": drained}
    made = report.build(story(log=log), Progress(), PLAN)
    assert made["log"] == log
    assert ("not all that only the bucket had of the log was drained" in made["problems"]) is not holds


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"orders_found": 3}, "the restored server lacked orders"),
        ({"same_as_before": False}, "the restored server was not of the moment before"),
        ({"write_refused": ""}, "the restored server took a write"),
        ({"put_back": False}, "the dropped table was not put back"),
    ],
)
def test_a_restore_that_did_not_hold_is_not_ok(
    change: dict[str, Any], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(story(restore=RESTORE | change), capsys)[-1] == f"NOT OK: {problem}"


@pytest.mark.parametrize("change", [{"why": ""}, {"epoch": 1}, {}], ids=["none was due", "none was made", "not looked"])
def test_a_full_backup_that_did_not_begin_by_itself_after_the_promotion_is_a_problem(change: dict[str, Any]) -> None:
    found = story()
    found.due_full = {**found.due_full, **change} if change else {}
    said = report.build(found, Progress(), PLAN)
    assert said["problems"] == ["no full backup began by itself after the promotion"]


def test_carts_are_counted_as_orders_are_and_more_lost_than_forecast_is_not_ok() -> None:
    made = story()
    built = report.build(replace(made, carts=set()), Progress(), PLAN)
    assert built["engines"]["redis"] == {
        "acknowledged": len(made.orders),
        "lost": len(made.orders),
        "lost_forecast": 3,
        "promote_seconds": -1,
    }
    within = len(made.orders) <= 3
    assert ("more carts were lost than forecast" in built["problems"]) is not within
