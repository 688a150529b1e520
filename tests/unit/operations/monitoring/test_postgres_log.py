"""Whether the log is current: from what the bucket holds against what the guard saw of the server."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engines.postgres.wal_bucket import WalBucket
from engines.postgres.wal_cutting import Cut
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from operations.monitoring.postgres_log import judge_log, look_at_log
from recovery.copies.log import Gap, Line
from recovery.copies.log_position import LogPosition
from recovery.lease.lease import Heartbeat, Lease
from recovery.plan.loading import load_plan
from recovery.ports.buckets import StoredObject
from tests.support.fakes import FakeBucket, held_lease
from tests.support.manifests import manifest
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")
SEGMENT, SYSTEM = 16 * 1024 * 1024, "7"
AT = datetime(2026, 1, 1, tzinfo=UTC)  # when the fake bucket's objects were written
START = 4 * SEGMENT
LINE = Line(1, SYSTEM, 1)


class Counting(FakeBucket):
    """Counts requests, a page of a listing each."""

    requests = 0

    def get(self, key: str) -> tuple[bytes, str] | None:
        self.requests += 1
        return super().get(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        self.requests += 1
        for number, item in enumerate(super().list(prefix, after=after), 1):
            self.requests += number % 1000 == 0
            yield item


def bucket(*ranges: tuple[int, int], epoch: int = 1) -> Counting:
    """Whole segments up to START, and these ranges beyond it."""
    store = Counting()
    log = WalBucket(store, SYSTEM)
    log.move(
        LogPosition(epoch=epoch, system=SYSTEM, timeline=1, segment_bytes=SEGMENT, start=SEGMENT, end=START, at=AT)
    )
    for start, end in ranges:
        log.put(Line(epoch, SYSTEM, 1), Cut(START + start, START + end, bytes(end - start)))
    return store


def beat(lsn: int, *, after: timedelta = timedelta(seconds=1)) -> Heartbeat:
    return Heartbeat(at=AT + after, lsn=START + lsn, commits_per_second=1, timeline=1, system_identifier=SYSTEM)


def judged(
    store: FakeBucket, heartbeat: Heartbeat | None = None, *, lease: Lease | None = None, full: int = 2 * SEGMENT,
) -> Judged:  # fmt: skip
    made = manifest(epoch=1, started=AT)
    newest = made.model_copy(
        update={
            "start_position": f"{full >> 32:X}/{full & 0xFFFFFFFF:X}",
            "source": made.source.model_copy(update={"timeline": 1, "system_identifier": SYSTEM}),
        }
    )
    return judge_log(
        PLAN,
        look_at_log(store),
        lease=replace(lease or held_lease(), heartbeat=heartbeat),
        full=newest,
        namespace="shop",
    )


def test_12_log_is_current_when_the_bucket_has_what_the_server_had() -> None:
    assert judged(bucket((0, 10), (10, 30)), beat(30)) == Judged(OK, "up to 0/400001E of timeline 1, epoch 1")


@pytest.mark.parametrize(
    ("late", "level"),
    [(timedelta(seconds=30), OK), (timedelta(minutes=2), WARNING), (timedelta(minutes=16), CRITICAL)],
)
def test_12_a_bucket_that_lacks_what_the_server_had_is_told_by_how_long_nothing_came(
    late: timedelta, level: int
) -> None:
    found = judged(bucket((0, 10)), beat(5000, after=late))
    assert found.level == level
    assert ("behind the server" in found.words) == (level != OK)


def test_12_a_server_that_writes_nothing_makes_no_log_old() -> None:
    assert judged(bucket((0, 10)), beat(10, after=timedelta(days=3))).level == OK


def test_12_a_log_that_is_written_faster_than_it_is_stored_is_told() -> None:
    assert "faster than it is stored" in judged(bucket((0, 10)), beat(300_000_000)).words


def test_44_a_hole_is_critical_whatever_comes_after_it() -> None:
    found = judged(bucket((0, 10), (20, 30)), beat(30))
    assert found.level == CRITICAL
    assert "nothing from 0/400000A to 0/4000014" in found.words


def test_without_any_log_status_says_so() -> None:
    assert judged(FakeBucket()).level == WARNING


def test_a_log_that_did_not_go_on_after_a_takeover_is_critical() -> None:
    found = judged(bucket((0, 10)), lease=held_lease("dr", 2))
    assert (found.level, "since the takeover (epoch 2)" in found.words) == (CRITICAL, True)
    taken = replace(held_lease("dr", 2), state="taken")
    assert judged(bucket((0, 10)), lease=taken).level == OK, "nobody may ship yet"


def test_log_of_another_database_is_critical() -> None:
    assert judged(bucket(), replace(beat(0), system_identifier="8")).level == CRITICAL


def test_11_a_gap_is_critical_until_a_full_has_begun_after_it() -> None:
    store = bucket((0, 10))
    WalBucket(store, SYSTEM).put_gap(Gap(LINE, 2 * SEGMENT, 3 * SEGMENT), "slot lost", AT, AT + timedelta(days=7))
    found = judged(store, beat(10), full=2 * SEGMENT)
    assert (found.level, "0/2000000 to 0/3000000" in found.words) == (CRITICAL, True)
    assert "--namespace shop --from=cronjob/backup-postgres-full" in found.next_step
    assert judged(store, beat(10), full=3 * SEGMENT).level == OK


def test_2_a_log_that_began_after_the_newest_full_is_told_until_there_is_another() -> None:
    assert judged(bucket((0, 10)), beat(10), full=SEGMENT - 1).level == WARNING
    assert judged(bucket((0, 10)), beat(10), full=SEGMENT).level == OK


def test_the_cost_of_looking_is_the_same_however_old_the_log() -> None:
    counts: list[int] = []
    for segments in (10**3, 10**4):
        store = bucket((0, 10))
        folder = LINE.folder("postgres/log/segments/")
        store.objects |= {f"{folder}{number:024X}.zst": b"" for number in range(segments)}
        store.requests = 0
        look_at_log(store)
        counts.append(store.requests)
    assert counts[0] == counts[1] <= 5
