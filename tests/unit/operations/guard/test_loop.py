"""What the guard says never decides whether the gate is open."""

from pathlib import Path

from operations.guard.loop import Reporter
from recovery.lease.guard_rules import Memory


class Closed:
    """A gate without a process."""

    process_id = None

    def is_open(self) -> bool:
        return False

    def open(self) -> None: ...

    def close(self) -> None: ...


def test_a_status_file_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    reporter = Reporter("prod", "enforce", tmp_path / "no folder" / "status.json", said.append)
    for _ in range(3):
        reporter.status(Closed(), Memory(site="prod", boot_id="b"), "starting")
    (line,) = said
    assert "status.json cannot be written: No such file or directory" in line


def test_a_message_that_nobody_takes_ends_nothing() -> None:
    def gone(line: str) -> None:
        raise BrokenPipeError

    Reporter("prod", "enforce", None, gone).say("open")
