"""A journal that cannot be kept: refused before anything is done, or told with its file and its option."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from operations.failover.journal_file import JournalFile, unwritable
from recovery.errors import Failed, Refused
from recovery.failover.journal import Entry, seal

ENTRY: Entry = seal((), run="r", at=datetime(2026, 11, 22, tzinfo=UTC), kind="begin", step="preflight")


def full(real: Callable[..., int], after: int) -> Callable[..., int]:
    """A disk that takes `after` bytes more."""
    left = [after]

    def write(file: int, line: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(left[0], len(line))
        left[0] -= taken
        return real(file, line[:taken])

    return write


@pytest.mark.parametrize("room", [0, 17])
def test_a_full_disk_names_the_journal_the_option_and_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    file = JournalFile(tmp_path, "r")
    monkeypatch.setattr(os, "write", full(os.write, room))
    with pytest.raises(Failed, match=rf"{tmp_path}/r\.jsonl cannot be written: No space left on device") as caught:
        file.write(ENTRY)
    assert "--journal-dir" in caught.value.next_step
    assert "resumes" in caught.value.next_step
    assert file.path.read_bytes() == b""  # nothing torn is left behind
    file.close()


def test_a_line_that_the_system_takes_in_two_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, write = JournalFile(tmp_path, "r"), os.write
    monkeypatch.setattr(os, "write", lambda handle, line: write(handle, line[:50]))
    file.write(ENTRY)
    assert file.read() == (ENTRY,)
    file.close()


def test_a_disk_that_does_not_take_the_fsync_fails_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = JournalFile(tmp_path, "r")

    def fsync(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Failed, match="cannot be written: Input/output error"):
        file.write(ENTRY)
    file.close()


def test_a_folder_that_is_a_file_is_refused_naming_the_option(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(Refused, match=r"no journal can be kept in .*/taken") as caught:
        JournalFile(tmp_path / "taken", "r")
    assert "--journal-dir" in caught.value.next_step


def test_a_folder_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(Refused, match="no journal can be kept in /proc/dr-journal"):
        JournalFile(Path("/proc/dr-journal"), "r")


def test_a_journal_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").mkdir()
    with pytest.raises(Refused, match="Is a directory"):
        JournalFile(tmp_path, "r")


def test_a_dry_run_sees_what_is_wrong_with_the_folder_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tmp_path / "one" / "two"
    assert unwritable(wanted) is None
    assert not wanted.parent.exists()
    (tmp_path / "one").write_text("")
    assert "is a file" in said(wanted)
    (tmp_path / "one").unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "no right to write" in said(wanted)
    monkeypatch.undo()
    monkeypatch.setattr(os, "statvfs", lambda path: disk(f_flag=os.ST_RDONLY))
    assert "read-only disk" in said(wanted)
    monkeypatch.setattr(os, "statvfs", lambda path: disk(f_bavail=1))
    assert "full disk" in said(wanted)


def said(folder: Path) -> str:
    """Why no journal could be kept there."""
    found = unwritable(folder)
    assert found is not None
    assert "--journal-dir" in found.next_step
    return found.why


def disk(**changes: Any) -> os.statvfs_result:
    """A disk with room."""
    names = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail", "f_flag")
    values = dict.fromkeys((*names, "f_namemax"), 4096) | {"f_flag": 0} | changes
    return os.statvfs_result(values.values())
