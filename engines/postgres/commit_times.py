"""When the transactions of the log ended: a moment becomes a position, read from WAL by PostgreSQL's pg_waldump."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engines.postgres.tools import child_environment, find_tool
from recovery.copies.log import parse_wal_name, wal_name
from recovery.errors import Failed
from recovery.lease.lease import format_lsn, parse_lsn

# COMMIT 2026-… and COMMIT_PREPARED 743: 2026-…, and the same of ABORT: where recovery_target_time looks as well.
_ENDED = re.compile(
    r"lsn: ([0-9A-F]+/[0-9A-F]+),.* desc: (?:COMMIT|ABORT)(?:_PREPARED)? (?:\d+: )?"
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC"
)
_BATCH = 8
Fetch = Callable[[str], bytes | None]


def ended(
    fetch: Fetch, names: Sequence[str], start: int, end: int, segment_bytes: int, environment: Mapping[str, str]
) -> Iterator[tuple[int, datetime]]:
    """Position and time of the transactions that ended in the WAL files `names`, from `start` and before `end`, in
    the log's order."""
    program = find_tool("pg_waldump", environment)
    for first in range(0, len(names), _BATCH):
        # A record may go on in the next file.
        batch = names[first : first + _BATCH + 1]
        timeline, _ = parse_wal_name(batch[-1], segment_bytes)
        begin = max(start, parse_wal_name(batch[0], segment_bytes)[1])
        last = parse_wal_name(batch[-1], segment_bytes)[1]
        stop = min(end, last if len(batch) > _BATCH else last + segment_bytes)
        if begin >= stop:
            continue
        with tempfile.TemporaryDirectory(prefix="dr-log-") as folder:
            for name in batch:
                body = fetch(name)
                if body is not None:
                    position = parse_wal_name(name, segment_bytes)[1]
                    (Path(folder) / wal_name(timeline, position, segment_bytes)).write_bytes(body)
            yield from _dumped(program, Path(folder), timeline, begin, stop, environment)


def _dumped(
    program: str, folder: Path, timeline: int, begin: int, stop: int, environment: Mapping[str, str]
) -> Iterator[tuple[int, datetime]]:
    arguments = [program, f"--path={folder}", f"--timeline={timeline}", f"--start={format_lsn(begin)}"]
    try:
        said = subprocess.run(
            [*arguments, "--rmgr=Transaction"],
            env=child_environment(environment) | {"TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=False,  # it ends with 1 where the log does
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"pg_waldump failed: {error}", next_step="run the restore again") from None
    for line in said.stdout.decode(errors="replace").splitlines():
        found = _ENDED.search(line)
        if found and (position := parse_lsn(found[1])) < stop:
            yield position, datetime.fromisoformat(found[2]).replace(tzinfo=UTC)
