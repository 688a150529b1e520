"""What the standby gets for its restore_command's question: as much as is surely its own log, or nothing for now."""

import socket
import threading
from dataclasses import dataclass, field

import pytest

from engines.log_store import packed
from engines.postgres.log_server import Listener, LogServer
from engines.postgres.wal_ahead import BucketLog, Vouched
from recovery.copies.log import SEGMENT_BYTES, History, Line, Piece, Range, Segment, wal_name
from recovery.errors import DrError, Refused
from recovery.lease.lease import Heartbeat, Lease
from recovery.ports.standby import LogAhead
from tests.support.fakes import FakeBucket, held_lease
from tests.support.promotion import NOW

SYSTEM = "7412345678901234567"
START = 5 * SEGMENT_BYTES
NAME = wal_name(1, START)
NOTHING = b"0 0\n"


def line(timeline: int = 1, epoch: int = 1) -> Line:
    return Line(epoch, SYSTEM, timeline)


def letters(start: int, end: int) -> bytes:
    """Bytes that tell where they belong."""
    first = start - start % 997
    return b"".join(bytes([number % 256]) * 997 for number in range(first // 997, end // 997 + 1))[start - first :][
        : end - start
    ]


@dataclass
class Pod:
    """A bucket, and the server that reads it; `lease` is what the control table says."""

    bucket: FakeBucket = field(default_factory=FakeBucket)
    vouched: Vouched | None = field(default_factory=lambda: Vouched(system=SYSTEM, epoch=1, timeline=1))
    troubles: list[DrError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = LogServer(self.bucket, lambda: self.vouched, trouble=self.troubles.append)

    def put(self, piece: Piece) -> None:
        self.bucket.objects[piece.key] = packed(letters(piece.start, piece.end), 1)

    def put_history(self, timeline: int, text: str, epoch: int = 1) -> None:
        self.bucket.objects[History(line(timeline, epoch)).key] = text.encode()

    def get(self, name: str = NAME) -> bytes | None:
        """The body; None for `not now`."""
        answer = b"".join(self.server.answer(name))
        if answer == NOTHING:
            return None
        header, _, body = answer.partition(b"\n")
        length, size = map(int, header.split())
        assert length == len(body)
        assert size == (len(body) if name.endswith(".history") else SEGMENT_BYTES)
        return body


@pytest.fixture
def pod() -> Pod:
    return Pod()


def test_an_unfinished_file_is_given_as_far_as_it_goes_and_grows_from_one_request_to_the_next(pod: Pod) -> None:
    pod.put(Range(line(), START, START + 1000))
    assert pod.get() == letters(START, START + 1000)
    pod.put(Range(line(), START + 1000, START + 3000))
    assert pod.get() == letters(START, START + 3000)


def test_ranges_that_have_become_a_segment_since_are_read_from_it(pod: Pod) -> None:
    first = Range(line(), START, START + 1000)
    pod.put(first)
    pod.get()
    del pod.bucket.objects[first.key]
    pod.put(Segment(line(), START, START + SEGMENT_BYTES))
    assert pod.get() == letters(START, START + SEGMENT_BYTES)


def test_a_range_that_goes_away_while_it_is_read_is_asked_for_again(pod: Pod) -> None:
    gone = Range(line(), START, START + 1000)
    pod.put(gone)
    real = pod.bucket.get
    pod.bucket.get = lambda key: None  # type: ignore[method-assign]
    assert pod.get() is None
    assert "went away" in pod.troubles[0].what
    pod.bucket.get = real  # type: ignore[method-assign]
    assert pod.get() == letters(START, START + 1000)


def test_behind_a_hole_nothing_is_given(pod: Pod) -> None:
    pod.put(Range(line(), START, START + 1000))
    pod.put(Range(line(), START + 2000, START + 3000))
    assert pod.get() == letters(START, START + 1000)


def test_only_what_comes_after_the_file_is_listed(pod: Pod) -> None:
    for number in range(5):
        pod.put(Segment(line(), number * SEGMENT_BYTES, (number + 1) * SEGMENT_BYTES))
    pod.put(Range(line(), START, START + 10))
    listed: list[str] = []
    real = pod.bucket.list

    def watched(prefix: str, *, after: str = ""):
        for each in real(prefix, after=after):
            listed.append(each.key)
            yield each

    pod.bucket.list = watched  # type: ignore[method-assign]
    assert pod.get() is not None
    assert listed == [Range(line(), START, START + 10).key]


@pytest.mark.parametrize("wrong", ["", "x", "../../etc/passwd", "0000000100000000000000", NAME + ".partial"])
def test_other_names_get_nothing(pod: Pod, wrong: str) -> None:
    pod.put(Range(line(), START, START + 1000))
    assert pod.get(wrong) is None


def test_no_history_of_a_timeline_that_the_lease_does_not_know(pod: Pod) -> None:
    """A fenced primary was promoted, and shipped: the standby would follow it."""
    pod.put_history(2, "1\t0/5000000\tno reason\n")
    pod.put(Range(line(2), START, START + 1000))
    assert pod.get("00000002.history") is None
    assert pod.get(wal_name(2, START)) is None
    pod.vouched = Vouched(system=SYSTEM, epoch=1, timeline=2)
    assert pod.get("00000002.history") == b"1\t0/5000000\tno reason\n"
    assert pod.get(wal_name(2, START)) == letters(START, START + 1000)


def test_nothing_of_an_epoch_beyond_the_lease_s_and_nothing_of_another_system(pod: Pod) -> None:
    pod.put(Range(line(epoch=2), START, START + 1000))
    pod.put(Range(Line(1, "1", 1), START, START + 1000))
    assert pod.get() is None


def test_the_timeline_before_is_given_up_to_where_it_was_left(pod: Pod) -> None:
    """What its fenced primary wrote behind that is no part of the new timeline's history (pitfall 8)."""
    pod.vouched = Vouched(system=SYSTEM, epoch=2, timeline=2)
    pod.put(Segment(line(), START, START + SEGMENT_BYTES))
    pod.put(Segment(line(), START + SEGMENT_BYTES, START + 2 * SEGMENT_BYTES))
    left = START + 4000
    pod.put_history(2, f"1\t0/{left:X}\tno reason\n", epoch=2)
    assert pod.get() == letters(START, left)
    assert pod.get(wal_name(1, START + SEGMENT_BYTES)) is None


@pytest.mark.parametrize("text", ["", "not a history", "3\t0/5000000\tanother\n"])
def test_an_older_timeline_whose_end_is_not_known_is_not_given(pod: Pod, text: str) -> None:
    pod.vouched = Vouched(system=SYSTEM, epoch=2, timeline=4)
    pod.put(Range(line(), START, START + 1000))
    if text:
        pod.put_history(4, text)
    assert pod.get() is None


def test_while_the_lease_is_not_known_nothing_is_given(pod: Pod) -> None:
    pod.put(Range(line(), START, START + 1000))
    pod.vouched = None
    assert pod.get() is None


@pytest.mark.parametrize("spoilt", [b"rubbish", packed(b"too short", 1)])
def test_damage_is_told_and_not_given(pod: Pod, spoilt: bytes) -> None:
    pod.bucket.objects[Range(line(), START, START + 1000).key] = spoilt
    assert pod.get() is None
    assert pod.troubles


def test_a_bucket_that_does_not_answer_is_told_and_asked_again(pod: Pod) -> None:
    pod.put(Range(line(), START, START + 1000))
    pod.bucket.reachable = False
    assert pod.get() is None
    assert pod.troubles
    pod.bucket.reachable = True
    assert pod.get() == letters(START, START + 1000)


def test_over_tcp_a_silent_client_keeps_nobody_waiting_for_long(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.postgres.log_server._Handler.timeout", 0.2)
    pod.put(Range(line(), START, START + 1000))
    with Listener(("127.0.0.1", 0), pod.server) as listener:
        address = listener.server_address[:2]
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            with socket.create_connection(address), socket.create_connection(address) as asking:  # type: ignore[arg-type]
                asking.sendall(NAME.encode() + b"\n")
                answer = b""
                while more := asking.recv(65536):
                    answer += more
        finally:
            listener.shutdown()
            thread.join()
    assert answer == b"1000 16777216\n" + letters(START, START + 1000)


def lease(timeline: int = 1, epoch: int = 1) -> Lease:
    beat = Heartbeat(at=NOW, lsn=0, commits_per_second=0, timeline=timeline)
    made = held_lease(epoch=epoch)
    return Lease(**{**vars(made), "heartbeat": beat, "system_identifier": SYSTEM})


def test_ahead_of_a_standby_is_what_goes_on_from_its_position(pod: Pod) -> None:
    log = BucketLog(store=pod.bucket)
    at = START + 500
    assert log.ahead(lease(), 1, at) == LogAhead(end=at)
    pod.put(Range(line(), START, START + 1000))
    assert log.ahead(lease(), 1, at) == LogAhead(end=START + 1000)
    assert log.ahead(lease(), 1, START + 2000) == LogAhead(end=START + 2000), "the standby is further"
    pod.put(Range(line(), START + 2000, START + 3000))
    assert log.ahead(lease(), 1, at) == LogAhead(end=START + 1000, resumes=START + 2000)


def test_without_a_word_of_the_lease_nobody_says_that_nothing_is_ahead(pod: Pod) -> None:
    for unknown in (None, held_lease()):
        with pytest.raises(Refused, match="does not say which PostgreSQL is production's"):
            BucketLog(store=pod.bucket).ahead(unknown, 1, START)


def test_ahead_goes_over_to_a_newer_timeline_of_the_lease(pod: Pod) -> None:
    log, left = BucketLog(store=pod.bucket), START + 4000
    pod.put(Range(line(), START, START + 9000))
    pod.put(Range(line(2), START, START + 6000))
    pod.put_history(2, f"1\t0/{left:X}\tno reason\n")
    assert log.ahead(lease(1), 1, START + 100) == LogAhead(end=START + 9000)
    assert log.ahead(lease(2), 1, START + 100) == LogAhead(end=START + 6000)
    with pytest.raises(Refused, match="left it earlier for another timeline"):
        log.ahead(lease(2), 1, left + 1)
