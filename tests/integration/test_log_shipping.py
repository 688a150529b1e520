"""The log on its way into the bucket: a real PostgreSQL, a real S3 interface."""

from dataclasses import replace

import pytest

from cloud.objects import S3Bucket
from engines.postgres import wal_receiver
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from lab.ultramarket.primary import Primary
from recovery.copies.log import GAPS, RANGES, SEGMENTS, segment_start, wal_name
from recovery.copies.stretches import Run
from recovery.errors import LeaseRefused
from recovery.lease.lease import Heartbeat
from tests.support.clients import client, make_bucket
from tests.support.fakes import held_lease
from tests.support.log_site import SEGMENT, LogSite, environment_of, s3_store, until
from tests.support.s3_faults import Blocks, Fault, Faults, refuses, resets


@pytest.fixture
def site(aws: Aws, postgres: Primary, monkeypatch: pytest.MonkeyPatch) -> LogSite:
    """`postgres` and an empty bucket in the DR region."""
    for name, value in (aws.env("prod") | environment_of(postgres)).items():
        monkeypatch.setenv(name, value)
    return LogSite(postgres, s3_store(make_bucket(client(aws, "s3", "dr"), "log", "us-west-2", locked=True)))


def faults(site: LogSite, operation: str = "PutObject", within: str = RANGES) -> Faults:
    assert isinstance(site.store, S3Bucket)
    return Faults(site.store, operation, within)


def test_every_commit_gets_into_the_bucket_byte_for_byte(site: LogSite) -> None:
    with site.shipping():
        site.write(200_000)
        end = site.write(200_000)
        until(lambda: site.end() >= end, "the log is in the bucket")
        until(lambda: (site.slot or 0) >= end, "the slot follows")
        site.fill_segment()
        site.write()
        until(lambda: site.keys(SEGMENTS), "a whole segment")
    first = site.stored()[0].start
    assert site.log(first, first + SEGMENT) == site.wal_file(wal_name(1, first))
    assert site.troubles == []


def test_nothing_is_written_while_nothing_happens(site: LogSite) -> None:
    with site.shipping():
        end = site.write()
        until(lambda: site.end() >= end, "the log is in the bucket")
        asked = faults(site, within="")

        def quiet() -> bool:
            before = (site.flushed, len(asked.asked))
            site.query("SELECT pg_sleep(0.5)::text")  # five times as long as a byte waits
            return (site.flushed, len(asked.asked)) == before

        until(quiet, "nothing is written while the server's log stands still")


def test_an_idle_server_says_something_when_it_is_asked_so_its_session_lives(
    site: LogSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal_receiver, "_ASK_SECONDS", 0.5)
    monkeypatch.setattr(wal_receiver, "_SILENCE_SECONDS", 2.5)  # wal_sender_timeout is a minute: by itself it is silent
    with site.shipping():
        caught_up(site)
        pid = site.query("SELECT pid FROM pg_stat_replication")
        site.query("SELECT pg_sleep(5)::text")
        assert site.query("SELECT pid FROM pg_stat_replication") == pid
    assert site.troubles == []


def test_1_with_the_put_blocked_nothing_moves_the_slot_and_the_connection_lives(site: LogSite) -> None:
    site.run("ALTER SYSTEM SET wal_sender_timeout = '2s'", "SELECT pg_reload_conf()")
    with site.shipping():
        stored = site.write()
        until(lambda: (site.slot or 0) >= stored, "the slot follows")
        blocked, put = Blocks(), faults(site)
        put.always = blocked
        pid = site.query("SELECT pid FROM pg_stat_replication")
        try:
            site.write()
            blocked.begun.wait(HUNG_SECONDS)
            slot = site.slot
            # Longer than wal_sender_timeout: the server asks for an answer, and our own status messages go out.
            replies = "SELECT reply_time > now() - interval '1 s' AND pg_sleep(4)::text = '' FROM pg_stat_replication"
            assert site.query(replies), "it answered to the end"
            end = site.write()
            assert site.query("SELECT pid FROM pg_stat_replication") == pid
            assert slot == site.slot
            assert slot is not None
            assert slot <= site.end()
        finally:
            blocked.free.set()
            put.always = None
        until(lambda: (site.slot or 0) >= end, "the slot follows again")
    assert site.stored()[0].end >= end


def test_2_the_log_begins_before_a_full_that_is_made_after_it(site: LogSite) -> None:
    with site.shipping():
        until(lambda: site.position(), "the log has begun")
        started = site.query("SELECT pg_backup_start('test', true)::text::pg_lsn - '0/0'")
        assert site.position().start <= started
        assert site.slot is not None, "the server keeps its log from then on"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(refuses(503, "SlowDown"), "failed to write", id="503"),
        pytest.param(resets, "did not answer", id="reset"),
        pytest.param(refuses(403, "AccessDenied"), "does not allow these credentials", id="403"),
        pytest.param(refuses(403, "RequestTimeTooSkewed"), "this machine's clock is wrong", id="clock skew"),
        pytest.param(refuses(409, "ConditionalRequestConflict"), "", id="conditional write conflict"),
    ],
)
def test_40_what_s3_does_not_take_is_tried_until_it_does(site: LogSite, fault: Fault, told: str) -> None:
    with site.shipping():
        caught_up(site)
        put = faults(site)
        put.always, before = fault, site.slot
        end = site.write(50_000)
        until(lambda: site.troubles if told else len(put.asked) > 3, "S3 has said no")
        assert site.slot is not None
        assert before == site.slot < end
        put.always = None
        until(lambda: site.end() >= end, "the log is in the bucket")
        until(lambda: (site.slot or 0) >= end, "the slot follows")
    assert site.stored() == [Run(site.stored()[0].start, site.end())]
    assert [each.what for each in site.troubles if told not in each.what] == []


def test_40_a_write_whose_answer_was_lost_is_stored_once(site: LogSite, aws: Aws) -> None:
    with site.shipping():
        until(lambda: site.position(), "the log has begun")
        aws.reach.drop_next_answer("s3", "PutObject")
        end = site.write(50_000)
        until(lambda: (site.slot or 0) >= end, "the slot follows")
    assert sum(each.end - each.start for each in site.pieces()) == site.end() - site.stored()[0].start


def test_9_after_a_promotion_the_new_timeline_goes_on_with_its_history_first(site: LogSite) -> None:
    with site.shipping():
        end = site.write(100_000)
        until(lambda: site.end() >= end, "the log is in the bucket")
    last = site.write(100_000)  # what the old primary did not get away
    promote(site)
    site.leases.lease = held_lease("dr", 2)
    site.site = "dr"
    with site.shipping():
        end = site.write(1000)
        until(lambda: site.end(2) >= end, "the new timeline is in the bucket")
    assert site.stored(1)[0].end >= last, "no hole before the switch"
    history = site.store.get(site.line(2, 2).history_key)
    assert history is not None
    assert history[0] == site.wal_file("00000002.history")
    assert site.stored(2)[0].start == segment_start(site.stored(1)[0].end)


def caught_up(site: LogSite) -> None:
    end = site.write()
    until(lambda: (site.slot or 0) >= end, "what was there before is shipped")


def promote(site: LogSite) -> None:
    """The same data as a promoted standby has it: a new timeline."""
    primary = site.primary
    primary.supervisor.stop(primary.name)
    signal = primary.data / "standby.signal"
    signal.touch()
    signal.chmod(0o644)
    primary.start()
    site.run("SELECT pg_promote()")
    until(lambda: not site.query("SELECT pg_is_in_recovery()"), "promoted")


def test_9_a_server_that_was_promoted_without_the_lease_is_not_shipped_from(site: LogSite) -> None:
    promote(site)
    seen = Heartbeat(at=site.query("SELECT now()"), lsn=0, commits_per_second=0, timeline=1)
    site.leases.lease = replace(held_lease(), heartbeat=seen)
    with site.shipping():
        until(lambda: site.troubles, "it says why")
    assert "promoted without the lease" in site.troubles[0].what
    assert site.keys() == []


def test_11_a_slot_that_was_lost_is_a_recorded_gap_and_the_log_goes_on_after_it(site: LogSite) -> None:
    site.run("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "ALTER SYSTEM SET min_wal_size = '32MB'")
    site.run("ALTER SYSTEM SET max_wal_size = '48MB'", "SELECT pg_reload_conf()")
    with site.shipping():
        stored = site.write()
        until(lambda: site.end() >= stored, "the log is in the bucket")
    stored = site.end()
    for _ in range(4):
        site.fill_segment()
    site.run("CHECKPOINT")
    assert site.slot is None, "invalidated"
    with site.shipping():
        end = site.write()
        until(lambda: site.stored()[-1].end >= end, "the log goes on")
    (gap,) = site.keys(GAPS)
    assert f"/{stored:016X}-{site.stored()[-1].start:016X}.json" in gap
    assert any("LOST" in each for each in site.said)
    assert site.position().start == site.stored()[-1].start


def test_47_a_primary_that_would_keep_log_without_an_end_is_refused(site: LogSite) -> None:
    site.run("ALTER SYSTEM SET max_slot_wal_keep_size = -1", "SELECT pg_reload_conf()")
    with site.shipping():
        until(lambda: site.troubles, "it says why")
        assert site.slot is None
        site.run("ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'", "SELECT pg_reload_conf()")
        until(lambda: site.slot, "it goes on by itself")
    assert "max_slot_wal_keep_size is -1" in site.troubles[0].what


def test_68_a_shipper_stops_when_the_lease_moves_and_waits_without_it(site: LogSite) -> None:
    site.leases.lease = held_lease("dr", 2)
    with site.shipping():
        until(lambda: site.said, "it says that it waits")
        assert site.said == ["waiting: the lease is held by site dr in epoch 2, this is site prod"]
        assert site.slot is None
        site.leases.lease = held_lease("prod", 3)
        end = site.write()
        until(lambda: site.end() >= end, "it ships under the lease")
        site.leases.lease = held_lease("dr", 4)
        until(lambda: site.query("SELECT count(*) = 0 FROM pg_stat_replication"), "it has stopped")
    assert any(isinstance(each, LeaseRefused) for each in site.troubles)


def test_a_lease_that_cannot_be_read_stops_no_shipper_at_work_and_lets_none_begin(site: LogSite) -> None:
    with site.shipping():
        until(lambda: site.position(), "the log has begun")
        site.leases.reachable = False
        end = site.write()
        until(lambda: site.end() >= end, "it goes on")
    site.troubles.clear()
    with site.shipping():
        until(lambda: site.troubles, "it says why")
        assert site.query("SELECT count(*) FROM pg_stat_replication") == 0
