"""Whether the server that libpq's variables name can be copied into a folder here by `pg_basebackup`."""

import shutil
from collections.abc import Callable
from pathlib import Path

from engines.postgres.source_layout import Layout, ask
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged

SLACK_BYTES = 512 * 2**20
"""For the log that is written while the copy is made, and a server's own files."""


def _free(into: Path) -> int:
    return shutil.disk_usage(into).free


def check(into: Path, *, asked: Callable[[], Layout] = ask, free: Callable[[Path], int] = _free) -> Judged:
    """What does not fit comes first. Raises Unreachable, Refused, Failed, OSError for a folder that is none."""
    there = free(into)
    layout = asked()
    needed = layout.bytes + SLACK_BYTES
    words = f"{layout.bytes:,} bytes, and {SLACK_BYTES:,} beside; {into} has {there:,} free"
    if there < needed:
        return Judged(
            CRITICAL,
            f"the copy does not fit: {words}",
            f"make the disk larger by {needed - there:,} bytes at least (docs/runbooks/larger-disk.md); a claim made "
            "anew has `storageSize` of its stack, whatever the last one had grown to",
        )
    if layout.tablespaces:
        where = ", ".join(each.location for each in layout.tablespaces)
        return Judged(
            WARNING,
            f"tablespaces at {where}, which pg_basebackup would put at the same places here; {words}",
            "copy it out of the bucket instead, which puts them beside the data: `dr restore postgres --as-standby`",
        )
    return Judged(OK, words)
