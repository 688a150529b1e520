"""What a data directory says of itself: pg_control, read by PostgreSQL's own program."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engines.postgres.tools import child_environment, find_tool
from recovery.errors import Corrupt, Failed

_LINE = re.compile(r"^([^:]+):\s*(.*)$", re.MULTILINE)
# pg_controldata's word for it → the setting. What replays a server's WAL must have room for as much as that server:
# https://www.postgresql.org/docs/18/hot-standby.html#HOT-STANDBY-ADMIN
_LIMITS = {
    "max_connections setting": "max_connections",
    "max_worker_processes setting": "max_worker_processes",
    "max_wal_senders setting": "max_wal_senders",
    "max_prepared_xacts setting": "max_prepared_transactions",
    "max_locks_per_xact setting": "max_locks_per_transaction",
}


@dataclass(frozen=True, kw_only=True)
class ControlFile:
    """`limits` are settings that a server on this data must not have smaller."""

    system_identifier: str
    state: str
    timeline: int
    segment_bytes: int
    limits: Mapping[str, str]


def read(data: Path, environment: Mapping[str, str]) -> ControlFile:
    """Raises Corrupt when `data` has no readable one, Failed when the program does not run."""
    program = find_tool("pg_controldata", environment)
    try:
        result = subprocess.run(
            [program, str(data)], env=child_environment(environment), capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"{program} failed: {error}", next_step="reinstall PostgreSQL's programs") from None
    said = dict(_LINE.findall(result.stdout.decode(errors="replace")))
    try:
        segment_bytes = int(said["Bytes per WAL segment"])
        return ControlFile(
            system_identifier=said["Database system identifier"],
            state=said["Database cluster state"],
            timeline=int(said["Latest checkpoint's TimeLineID"]),
            segment_bytes=segment_bytes,
            limits={setting: said[words] for words, setting in _LIMITS.items()} | least_wal(segment_bytes),
        )
    except (KeyError, ValueError) as error:
        why = result.stderr.decode(errors="replace").strip() or f"it does not say {error}"
        raise Corrupt(
            f"{data} has no readable control file: {why}", next_step="use another backup (`dr backups`)"
        ) from None


def least_wal(segment_bytes: int) -> dict[str, str]:
    """PostgreSQL wants room for two WAL files, and its defaults have it for files of up to 40 MiB and 512 MiB.

    https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/access/transam/xlog.c (ReadControlFile)
    """
    least = 2 * segment_bytes // 2**20
    return {name: f"{least}MB" for name, usual in (("min_wal_size", 80), ("max_wal_size", 1024)) if least > usual}
