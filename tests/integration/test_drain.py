"""A standby whose stream is dead follows the bucket: real PostgreSQL on both sides, a real S3 interface."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud.objects import S3Bucket
from engines.postgres.standby import PostgresStandby
from engines.postgres.wal_ahead import BucketLog
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import DATABASE, Primary
from operations.failover.asking import Asker
from operations.failover.steps.drain import PERFORMER
from recovery.copies.log import Range, wal_name
from recovery.failover.history import History
from recovery.failover.journal import seal
from recovery.failover.moves import Done, Move, Stop, Wait
from recovery.failover.step import Turn
from recovery.failover.steps import drain
from recovery.failover.steps.drain import STEP
from recovery.lease.lease import format_lsn
from recovery.names import ROLE_PROMOTER
from tests.support.clients import client, make_bucket
from tests.support.drain_site import DrainSite, drain_site
from tests.support.log_site import LogSite, environment_of, s3_store, until
from tests.support.promotion import bundle
from tests.support.s3_faults import Faults, refuses

SMALL_RECORD = 8192


@pytest.fixture
def site(
    aws: Aws,
    postgres: Primary,
    processes: Supervisor,
    database_folder: Path,
    block: Block,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[DrainSite]:
    for name, value in (aws.env("prod") | environment_of(postgres)).items():
        monkeypatch.setenv(name, value)
    log = LogSite(postgres, s3_store(make_bucket(client(aws, "s3", "dr"), "log", "us-west-2", locked=True)))
    with drain_site(log, processes, database_folder, block) as made:
        yield made


def test_69_a_standby_without_a_stream_reads_the_log_from_the_bucket(site: DrainSite) -> None:
    with site.log.shipping(), site.serving():
        site.follows(site.write("streamed"), "what was streamed")
        site.lose_stream()
        for number in range(3):  # the bucket's last file grows from one request to the next
            end = site.write(f"shipped {number}", rows=1000)
            site.follows(end, "what was shipped only")
        site.log.fill_segment()
        site.follows(site.write("in the next file"), "what is in the next file")
    assert site.rows("shipped 2") == 1000
    assert site.rows("in the next file") == 10
    assert site.troubles == []


def test_a_bucket_that_is_behind_takes_nothing_from_what_was_streamed(site: DrainSite) -> None:
    with site.serving():
        with site.log.shipping():
            shipped = site.write("shipped")
            until(lambda: site.log.end() >= shipped, "it is in the bucket")
        site.follows(site.write("streamed only"), "what was streamed")
        before = len(site.asked)
        site.lose_stream()
        until(lambda: len(site.asked) > before, "the bucket was asked for the file that both have a part of")
        site.volume.processes.stop("standby")  # what it has now it has on its disk
        site.volume.run(PRIMARY_HOST="127.0.0.1")
        site.follows(shipped, "what was shipped")
        until(lambda: site.rows("streamed only") == 10, "the standby has what was streamed")


def test_a_bucket_that_cannot_be_read_neither_ends_the_standby_nor_keeps_it_from_its_stream(site: DrainSite) -> None:
    asked = Faults(site.store, "ListObjectsV2", "")
    asked.always = refuses(403, "AccessDenied")
    standby = site.volume.processes.children["standby"]
    with site.log.shipping(), site.serving():
        site.follows(site.write("streamed"), "what was streamed")
        site.lose_stream()
        until(lambda: site.troubles, "the bucket said no")
        site.write("shipped")
        site.way.mend()
        site.follows(site.write("streamed again"), "what is streamed again")
    assert standby.alive()
    site.lose_stream()  # and without a server
    site.way.mend()
    site.follows(site.write("at last"), "what is streamed without a log server")
    assert standby.alive()


def test_a_restart_asks_for_no_file_that_the_stream_has_filled(site: DrainSite) -> None:
    with site.log.shipping(), site.serving():
        for number in range(3):
            site.write(f"file {number}")
            site.log.fill_segment()
        end = site.write("the last")
        site.follows(end, "everything")
        site.volume.processes.stop("standby")
        site.asked.clear()
        site.volume.start(PRIMARY_HOST=site.way.front)
        files = [name for name in site.asked if not name.endswith(".history")]
        assert set(files) == {wal_name(1, end)}, "only the file that was being written"


class Step:
    """The step of a promotion, looked at turn by turn with the real standby and the real bucket."""

    def __init__(self, site: DrainSite, **begun: Any) -> None:
        address = f"{site.volume.server.address}:{POSTGRES_PORT}"
        self.standby = PostgresStandby(address, DATABASE)
        self.store = S3Bucket(site.store.bucket, site.store.region, patience=(2, 1))
        ports: Any = SimpleNamespace(standby=self.standby, log=BucketLog(store=self.store), leases=site.log.leases)
        self._performer = PERFORMER(ports, Asker(), time.monotonic)
        begin = seal([], run="run", at=datetime.now(UTC), kind="begin", step="preflight", data=begun)
        self._history, self._started = History.of([begin]), time.monotonic()

    def move(self) -> Move:
        """What it would do now."""
        turn = Turn(bundle=bundle(), history=self._history, clock=time.monotonic(), started=self._started)
        return STEP.decide(turn, self._performer.look(turn))

    def done(self) -> Done:
        """Turns until it is done."""
        return until(lambda: found if isinstance(found := self.move(), Done) else None, "the step is done")

    def promote(self) -> None:
        self.standby.promote()
        until(lambda: not self.standby.state().in_recovery, "the standby is a primary")
        self.standby.close()


def lose_production(site: DrainSite) -> int:
    """The stream dies first; what is committed then is in the bucket alone. Returns where that ends."""
    with site.log.shipping():
        site.follows(site.write("streamed"), "what was streamed")
        site.lose_stream()
        end = 0
        for number in range(3):
            end = site.write(f"shipped {number}", rows=5000)
            until(lambda end=end: site.log.end() >= end, "it is in the bucket, in a range of its own")
    site.log.primary.supervisor.kill(site.log.primary.name)
    return end


def test_69_what_only_the_bucket_has_is_drained_before_the_promotion(
    site: DrainSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = lose_production(site)
    as_promoter(site, monkeypatch)
    before = Step(site).standby.state().receive_lsn
    step = Step(site, log={"position": before, "ahead_bytes": end - before})
    waiting = step.move()
    assert isinstance(waiting, Wait), "there is no log server yet"
    assert waiting.why == f"{site.log.end() - before:,} bytes of the log that only the bucket has are not replayed yet"
    with site.serving():
        facts = step.done().facts
        step.promote()
    assert facts["drained_bytes"] >= end - before > 0
    assert [site.rows(f"shipped {number}") for number in range(3)] == [5000] * 3


def test_69_while_the_bucket_is_away_the_promotion_stops_and_then_goes_on(
    site: DrainSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "PATIENT_SECONDS", 0.5)
    lose_production(site)
    as_promoter(site, monkeypatch)
    stopped = Step(site)
    down = Faults(stopped.store, "ListObjectsV2", "")
    down.always = refuses(503, "SlowDown")
    move = until(lambda: found if isinstance(found := stopped.move(), Stop) else None, "the step stops")
    assert "what the DR bucket has of the log beyond the standby is not known" in move.what
    assert "--log-undrained" in move.next_step
    accepted = Step(site, overrides={"log-undrained": "yes"})
    Faults(accepted.store, "ListObjectsV2", "").always = down.always
    assert isinstance(accepted.move(), Done)
    with site.serving():
        step = Step(site)
        assert step.done().facts["left"] == ""
        step.promote()
    assert site.rows("shipped 2") == 5000


def test_69_a_hole_in_the_log_is_said_and_drained_up_to(site: DrainSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "PATIENT_SECONDS", 0.5)
    lose_production(site)
    as_promoter(site, monkeypatch)
    ranges = sorted(
        (each for each in site.log.pieces() if isinstance(each, Range)), key=lambda each: (each.line, each.start)
    )
    hole = ranges[-2]
    site.store.hide(hole.key)
    with site.serving():
        step = Step(site)
        move = until(lambda: found if isinstance(found := step.move(), Stop) else None, "the step stops")
    assert f"{format_lsn(hole.start)} to {format_lsn(hole.end)} is missing" in move.what
    assert hole.start - SMALL_RECORD < site.replayed() <= hole.start


def as_promoter(site: DrainSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's login at the standby."""
    monkeypatch.setenv("PGUSER", ROLE_PROMOTER)
    monkeypatch.setenv("PGPASSWORD", site.volume.primary.passwords[ROLE_PROMOTER])
