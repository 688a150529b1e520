"""Whether production can be copied into a folder here."""

from pathlib import Path

from engines.postgres.source_layout import Layout
from operations.checks.copy import SLACK_BYTES, check
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from recovery.copies.manifest import Tablespace

SIZE = 10**9
PLAIN = Layout(bytes=SIZE, tablespaces=())
SPACES = Layout(bytes=SIZE, tablespaces=(Tablespace(oid=16500, location="/srv/fast"),))


def judged(layout: Layout, free: int) -> Judged:
    return check(Path("/volume"), asked=lambda: layout, free=lambda _: free)


def test_what_fits_with_something_to_spare_is_well() -> None:
    assert judged(PLAIN, SIZE + SLACK_BYTES).level == OK


def test_what_does_not_fit_is_said_with_what_is_missing() -> None:
    found = judged(PLAIN, SIZE + SLACK_BYTES - 5000)
    assert found.level == CRITICAL and "1,000,000,000 bytes" in found.words
    assert "larger by 5,000 bytes" in found.next_step and "larger-disk.md" in found.next_step


def test_tablespaces_are_named_with_the_way_that_takes_them() -> None:
    found = judged(SPACES, 10 * SIZE)
    assert found.level == WARNING and "/srv/fast" in found.words and "--as-standby" in found.next_step


def test_what_does_not_fit_comes_before_its_tablespaces() -> None:
    assert judged(SPACES, SIZE).level == CRITICAL
