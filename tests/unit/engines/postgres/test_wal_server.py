"""restore_command's exit codes: PostgreSQL ends recovery at a 1, so a 1 means that S3 said the log has no more."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.compression import zstd
from engines.postgres.unpack import Place
from engines.postgres.wal_archive import WalArchive
from engines.postgres.wal_client import FOUND, UNKNOWN
from engines.postgres.wal_server import Source, restore_command, serving
from recovery.copies.log import SEGMENT_BYTES as SIZE
from recovery.copies.log import Line, Piece, Range, Segment, wal_name
from recovery.copies.log_way import Log, way
from recovery.errors import Refused, Unreachable
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest

ABSENT = 1
ONE, TWO = Line(1, "77", 1), Line(2, "77", 2)
BYTES = bytes(range(256)) * (SIZE // 256)


def packed(body: bytes) -> bytes:
    return zstd.compress(body, options={zstd.CompressionParameter.checksum_flag: 1})


def bucket(*pieces: Piece) -> FakeBucket:
    made = FakeBucket()
    for each in pieces:
        made.objects[each.key] = packed(BYTES[each.start % SIZE :][: each.end - each.start])
    return made


class Recovery:
    """Asks as PostgreSQL does."""

    def __init__(self, store: FakeBucket, pieces: list[Piece], folder: Path, histories: dict[Line, str]) -> None:
        log = Log.of(pieces, histories)
        self.way = way(manifest(), log)
        archive = WalArchive(store=store, way=self.way, histories=log.histories, stop=0x120)
        self.source = Source(fetch=archive.fetch, order=self.way.names(0))
        self.folder = folder

    def ask(self, *names: str, patience: float = 0.2) -> list[int]:
        """The exit codes."""
        with serving(self.source, Place(folder=self.folder), patience=patience) as (_, command):
            return [self._run(command, name) for name in names]

    def _run(self, command: str, name: str) -> int:
        line = command.replace("%f", name).replace("%p", shlex.quote(str(self.folder / f"got-{name}")))
        return subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=30, check=False).returncode

    def got(self, name: str) -> bytes:
        return (self.folder / f"got-{name}").read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def recovery(
    folder: Path, *pieces: Piece, store: FakeBucket | None = None, histories: dict[Line, str] | None = None
) -> Recovery:
    return Recovery(store or bucket(*pieces), list(pieces), folder, histories or {})


def segment(number: int, line: Line = ONE) -> Segment:
    return Segment(line, number * SIZE, (number + 1) * SIZE)


def name(number: int, timeline: int = 1) -> str:
    return wal_name(timeline, number * SIZE)


def test_a_file_that_is_there_is_given_and_what_was_never_written_is_absent(folder: Path) -> None:
    asked = recovery(folder, segment(0), segment(1))
    assert asked.ask(name(0), name(1), name(2), "00000002.history") == [FOUND, FOUND, ABSENT, ABSENT]
    assert asked.got(name(1)) == BYTES


def test_an_unfinished_last_segment_is_filled_up_with_zeros_on_the_newest_timeline(folder: Path) -> None:  # pitfall 8
    asked = recovery(folder, segment(0), Range(ONE, SIZE, SIZE + 100), Range(ONE, SIZE + 100, SIZE + 5000))
    assert asked.ask(name(1)) == [FOUND]
    assert asked.got(name(1)) == BYTES[:5000] + bytes(SIZE - 5000)


def test_an_old_timelines_tail_ends_at_the_switch(folder: Path) -> None:  # pitfall 8
    later = Range(TWO, SIZE + 500, SIZE + 900)
    asked = recovery(folder, segment(0), segment(1), segment(2), later, histories={TWO: "1\t0/10001F4\tx\n"})
    assert asked.ask("00000002.history", name(1, 2), name(1), name(2), name(2, 2)) == [0, 0, 0, ABSENT, ABSENT]
    assert asked.got(name(1)) == BYTES[:500] + bytes(SIZE - 500)
    assert asked.got(name(1, 2)) == BYTES[:500] + BYTES[500:900] + bytes(SIZE - 900)
    assert asked.got("00000002.history") == b"1\t0/10001F4\tx\n"


def test_a_hole_is_never_the_end_of_the_log(folder: Path) -> None:  # pitfall 7
    asked = recovery(folder, segment(0), segment(2))
    with serving(asked.source, Place(folder=folder), patience=0.2) as (wal, _):
        assert wal.answer(name(1)).startswith(f"{UNKNOWN} ")
        assert "hole" in str(wal.error) and "0/1000000 to 0/2000000" in str(wal.error)


def test_a_hole_within_a_file_is_none_either(folder: Path) -> None:  # pitfall 7
    asked = recovery(folder, segment(0), Range(ONE, SIZE, SIZE + 100), Range(ONE, SIZE + 200, SIZE + 300))
    assert asked.ask(name(1)) == [UNKNOWN]


@pytest.mark.parametrize("problem", [Unreachable("503"), Refused("403"), Unreachable("no route")], ids=str)
def test_what_s3_does_not_answer_is_not_absent(folder: Path, problem: Exception) -> None:  # pitfall 6
    class Failing(FakeBucket):
        def get(self, key: str) -> tuple[bytes, str] | None:
            raise problem

    assert UNKNOWN > 125  # PostgreSQL stops at such a code and goes on at a lower one
    assert recovery(folder, segment(0), store=Failing()).ask(name(0)) == [UNKNOWN]


def test_what_s3_answers_in_the_end_is_given(folder: Path) -> None:  # pitfall 6
    class Flaky(FakeBucket):
        left = 3

        def get(self, key: str) -> tuple[bytes, str] | None:
            self.left -= 1
            if self.left >= 0:
                raise Unreachable("503")
            return super().get(key)

    store = Flaky()
    store.objects = bucket(segment(0)).objects
    asked = recovery(folder, segment(0), store=store)
    assert asked.ask(name(0), patience=30) == [FOUND]


@pytest.mark.parametrize(
    "change",
    [lambda body: body[:50] + bytes([body[50] ^ 1]) + body[51:], lambda body: body[:-1], lambda body: body + b"x"],
    ids=["flipped", "cut off", "appended"],
)
def test_a_damaged_object_is_unknown(folder: Path, change) -> None:  # type: ignore[no-untyped-def]  # fault 50
    store = bucket(segment(0))
    store.objects[segment(0).key] = change(store.objects[segment(0).key])
    assert recovery(folder, segment(0), store=store).ask(name(0)) == [UNKNOWN]


def test_an_object_of_another_length_than_its_name_says_is_unknown(folder: Path) -> None:
    store = bucket(segment(0))
    store.objects[segment(0).key] = packed(BYTES[:-1])
    assert recovery(folder, segment(0), store=store).ask(name(0)) == [UNKNOWN]


def test_ranges_that_became_a_segment_meanwhile_are_read_from_it(folder: Path) -> None:
    asked = recovery(folder, Range(ONE, 0, 100), Range(ONE, 100, 700), store=bucket(segment(0)))
    assert asked.ask(name(0)) == [FOUND]
    assert asked.got(name(0)) == BYTES[:700] + bytes(SIZE - 700)


def test_nobody_who_serves_is_no_end_of_the_log(folder: Path) -> None:
    asked = recovery(folder, segment(0))
    with serving(asked.source, Place(folder=folder)) as (_, command):
        pass
    assert asked._run(command, name(0)) == UNKNOWN


@pytest.mark.parametrize("program", ["exit 1", "exit 2", "kill -9 $$", "kill $$", "/nonexistent"])
def test_a_client_that_breaks_is_no_end_of_the_log(program: str) -> None:
    command = restore_command(["/bin/sh", "-c", program]).replace("%f", "name").replace("%p", "path")
    assert subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).returncode == UNKNOWN


def test_a_name_that_is_none_is_not_looked_for(folder: Path) -> None:
    assert recovery(folder, segment(0)).ask("../../etc/passwd") == [UNKNOWN]


def test_files_are_fetched_before_they_are_asked_for(folder: Path) -> None:
    asked = recovery(folder, *(segment(number) for number in range(6)))
    with serving(asked.source, Place(folder=folder)) as (wal, _):
        assert wal.answer(name(0)).startswith("0 ")
        ahead = [wal._begin(name(number)) for number in range(1, 6)]
        assert [each.result(timeout=10) is not None for each in ahead] == [True] * 5
