"""The journal survives what a crash leaves, and notices what a crash does not do."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.failover.journal_file import JournalFile, unfinished_run
from recovery.errors import Corrupt, Refused
from recovery.failover.journal import Entry, merge, read_entries, read_lines, seal

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def journal(count: int, run: str = "r") -> tuple[Entry, ...]:
    """A chain of `count` entries."""
    entries: list[Entry] = []
    for number in range(count):
        entries.append(seal(entries, run=run, at=NOW, kind="intent", step="scale", data={"n": number}))
    return tuple(entries)


def body(entries: tuple[Entry, ...]) -> bytes:
    """The file."""
    return b"".join(entry.to_line() for entry in entries)


@given(count=st.integers(0, 5), cut=st.integers(0, 2000))
def test_a_torn_tail_is_left_out_wherever_it_was_torn(count: int, cut: int) -> None:
    whole = body(journal(count))
    torn = whole[: max(0, len(whole) - cut)]
    entries, end = read_lines(torn, source="journal")
    assert entries == journal(count)[: len(entries)]
    assert torn[:end] == body(entries)
    assert len(torn) - end < max((len(entry.to_line()) for entry in journal(count)), default=1)


@given(tail=st.binary(max_size=60))
def test_garbage_after_the_last_whole_line_is_left_out(tail: bytes) -> None:
    whole = body(journal(3))
    entries, _ = read_lines(whole + tail.replace(b"\n", b""), source="journal")
    assert entries == journal(3)


@given(at=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_changed_bit_in_the_middle_is_found(at: int, bit: int) -> None:
    lines = bytearray(body(journal(3)))
    lines[at] ^= 1 << bit
    with pytest.raises(Corrupt):
        read_lines(bytes(lines), source="journal")


def test_an_entry_taken_out_or_exchanged_is_found() -> None:
    one, two, three = journal(3)
    for wrong in ([one, three], [two, one, three], [one, journal(2, "other")[1], three]):
        with pytest.raises(Corrupt, match="altered or is missing"):
            read_entries([entry.as_dict() for entry in wrong], source="journal")


def test_an_entry_written_anew_with_a_digest_of_its_own_is_found_by_the_next_one() -> None:
    one, two, three = journal(3)
    forged = seal([one], run="r", at=NOW, kind="done", step="fence")
    assert forged.number == two.number
    with pytest.raises(Corrupt, match="entry 2"):
        read_entries([entry.as_dict() for entry in (one, forged, three)], source="journal")


def test_the_longer_of_two_agreeing_journals_counts() -> None:
    assert merge(journal(2), journal(4)) == journal(4)
    assert merge(journal(4), journal(2)) == journal(4)
    assert merge((), journal(1)) == journal(1)


def test_the_control_table_counts_where_the_two_part() -> None:
    ours = journal(3)
    theirs = [*ours[:2]]
    theirs.append(seal(theirs, run="r", at=NOW, kind="done", step="fence"))
    assert merge(ours, theirs) == tuple(theirs)
    assert merge(journal(5), theirs) == tuple(theirs)


def test_entries_hold_plain_json_whatever_they_are_given() -> None:
    entry = seal((), run="r", at=NOW, kind="begin", step="preflight", data={"when": NOW})
    assert json.loads(entry.to_line())["data"] == {"when": str(NOW)}


def test_a_file_with_a_torn_tail_is_continued_where_it_is_whole(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "r")
    first, second, third = journal(3)
    file.write(first)
    with file.path.open("ab") as torn:
        torn.write(second.to_line()[:17])
    assert file.read() == (first,)
    for entry in (second, third):
        file.write(entry)
    assert file.read() == journal(3)
    file.close()


def test_a_second_process_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, "r")
    with pytest.raises(Refused, match="another process"):
        JournalFile(tmp_path, "r")
    file.close()
    JournalFile(tmp_path, "r").close()


def test_the_run_to_resume_is_the_newest_that_has_not_finished(tmp_path: Path) -> None:
    assert unfinished_run(tmp_path) is None
    for run in ("20260101T000000Z-a", "20260201T000000Z-b"):
        (tmp_path / f"{run}.jsonl").write_bytes(body(journal(2, run)))
    (tmp_path / "20260301T000000Z-c.jsonl").write_bytes(b"{}\nnot a journal\n{}\n")
    assert unfinished_run(tmp_path) == "20260201T000000Z-b"
