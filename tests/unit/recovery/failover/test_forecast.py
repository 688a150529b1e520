"""Time and loss, said beforehand."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from recovery.failover.forecast import OLD_SITE_SECONDS, forecast, loss
from recovery.lease.lease import Heartbeat
from tests.support.promotion import NOW, PLAN, lease, standby


def test_forecast_names_every_term_with_its_source_and_adds_them_up() -> None:
    outlook = forecast(PLAN, lease=lease(), standby=standby(), ready={}, now=NOW, preflight_seconds=1.5)
    assert all(term.source for term in outlook.terms)
    assert outlook.seconds_of("fence wait") == 32.0
    assert outlook.seconds_of("health check") == 10.0
    # preflight 1.5 + start 0.8 + fence 32 + old site 0.8 + promotion 0.2 + checks 1 + health check 10; the scale-up
    # hides behind the fence wait.
    assert round(outlook.total_seconds, 1) == 46.3
    assert outlook.as_dict()["total_seconds_cached"] == round(outlook.total_seconds + 10, 3)


def test_the_time_until_the_fence_wait_begins_and_its_last_question_count() -> None:
    # The promise is about the first order after the command was given: a forecast without them is too low each time.
    outlook = forecast(PLAN, lease=lease(), standby=standby(), ready={}, now=NOW, preflight_seconds=6.2)
    without = forecast(PLAN, lease=lease(), standby=standby(), ready={}, now=NOW)
    assert outlook.seconds_of("preflight") == 6.2
    assert round(outlook.total_seconds - without.total_seconds, 3) == 6.2
    assert outlook.seconds_of("old site") == OLD_SITE_SECONDS


def test_scale_up_counts_only_where_it_exceeds_the_fence_wait() -> None:
    short = forecast(PLAN, lease=lease(lease_seconds=4.0), standby=standby(), ready={}, now=NOW)
    warm = {name: service.full for name, service in PLAN.services.items()}
    none = forecast(PLAN, lease=lease(lease_seconds=4.0), standby=standby(), ready=warm, now=NOW)
    assert round(short.total_seconds - none.total_seconds, 3) == 4.0


def test_a_replay_backlog_is_forecast_at_the_measured_speed() -> None:
    behind = standby(receive_lsn=1_950_000_000 + 1000, replay_lsn=1000)
    assert forecast(PLAN, lease=lease(), standby=behind, ready={}, now=NOW).seconds_of("replay") == 10.0


def test_a_standby_with_everything_loses_at_most_one_lease_of_orders() -> None:
    # Heartbeat a minute ago; its gate closed 30 s later by itself, so nothing was acknowledged after that.
    found = loss(lease(), standby(), now=NOW)
    assert (found.bytes_missing, found.seconds_at_most, found.orders_at_most) == (0, 30.0, 300)


def test_a_standby_behind_the_heartbeat_counts_from_its_last_transaction() -> None:
    behind = standby(receive_lsn=400, last_replayed_at=NOW - timedelta(seconds=80))
    found = loss(lease(), behind, now=NOW)
    assert (found.bytes_missing, found.seconds_at_most, found.orders_at_most) == (600, 50.0, 500)
    assert "600 bytes" in found.words()


def test_what_a_live_stream_is_about_to_bring_is_not_called_missing_for_certain() -> None:
    behind = standby(receive_lsn=400, last_replayed_at=NOW - timedelta(seconds=80))
    gone = loss(lease(), behind, now=NOW).words()
    assert "600 bytes that production reported are missing, and no WAL comes in any more" in gone
    for words in (
        loss(lease(), replace(behind, streaming=True), now=NOW).words(),
        loss(lease(), behind, now=NOW, arriving=True).words(),
    ):
        assert "600 bytes that production reported have not arrived yet, and WAL still comes in" in words
        assert "missing" not in words


def test_what_only_the_bucket_has_is_no_loss_and_takes_its_time() -> None:
    behind = standby(receive_lsn=400, last_replayed_at=NOW - timedelta(seconds=80))
    found = loss(lease(), behind, now=NOW, bucket_ahead=600)
    assert (found.bytes_missing, found.seconds_at_most, found.orders_at_most) == (0, 30.0, 300)
    assert "standby and bucket together have everything production reported last" in found.words()
    assert "600 bytes that only the bucket has are drained first" in found.words()
    some = loss(lease(), behind, now=NOW, bucket_ahead=100)
    assert (some.bytes_missing, some.orders_at_most) == (500, 500)
    ahead = forecast(PLAN, lease=lease(), standby=behind, ready={}, now=NOW, bucket_ahead=1_950_000_000)
    assert ahead.seconds_of("drain") == 10.0
    assert ahead.as_dict()["bucket_ahead_bytes"] == 1_950_000_000


def test_a_bucket_that_is_not_known_promises_nothing() -> None:
    behind = standby(receive_lsn=400, last_replayed_at=NOW - timedelta(seconds=80))
    outlook = forecast(PLAN, lease=lease(), standby=behind, ready={}, now=NOW, bucket_ahead=None)
    assert outlook.loss.bytes_missing == 600
    assert next(term.source for term in outlook.terms if term.name == "drain").startswith("seen now: not known")


def test_an_idle_database_does_not_look_like_a_long_loss() -> None:
    idle = standby(last_replayed_at=NOW - timedelta(days=1))
    assert loss(lease(), idle, now=NOW).seconds_at_most == 30.0


def test_the_loss_ends_now_when_production_may_still_be_writing() -> None:
    recent = Heartbeat(at=NOW - timedelta(seconds=3), lsn=1000, commits_per_second=10.0, timeline=1)
    assert loss(lease(heartbeat=recent), standby(), now=NOW).seconds_at_most == 3.0


def test_without_a_heartbeat_the_loss_is_marked_as_an_estimate() -> None:
    found = loss(lease(heartbeat=None), standby(), now=NOW)
    assert found.seconds_at_most == 60.0
    assert found.orders_at_most is None
    assert "An estimate" in found.words()


def test_without_a_standby_the_loss_is_unknown_and_never_nothing() -> None:
    assert "UNKNOWN" in loss(lease(), None, now=NOW).words()


@given(st.integers(0, 2000), st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e3))
def test_loss_is_never_negative_and_never_longer_than_the_gate_was_open(
    received: int, heartbeat_age: float, replay_age: float, rate: float
) -> None:
    beat = Heartbeat(at=NOW - timedelta(seconds=heartbeat_age), lsn=1000, commits_per_second=rate, timeline=1)
    state = replace(standby(), receive_lsn=received, last_replayed_at=NOW - timedelta(seconds=replay_age))
    found = loss(lease(heartbeat=beat), state, now=NOW)
    assert found.bytes_missing is not None
    assert found.bytes_missing >= 0
    assert found.seconds_at_most is not None
    assert 0 <= found.seconds_at_most <= max(replay_age, 30.0) + 1e-3
