"""PostgreSQL's backup_manifest: every file of a backup with its size and checksum, and the WAL that it needs.

https://www.postgresql.org/docs/18/backup-manifest-format.html
"""

import hashlib
import json
import re
from dataclasses import dataclass

from engines.streams import ADVICE
from recovery.errors import Corrupt
from recovery.lease.lease import parse_lsn

_LAST_LINE = re.compile(rb'^"Manifest-Checksum": "([0-9a-f]{64})"\}\n\Z', re.MULTILINE)


@dataclass(frozen=True)
class Listed:
    """A file as it was sent: `checksum` is its CRC-32C."""

    size: int
    checksum: int


@dataclass(frozen=True)
class WalRange:
    """WAL of one timeline."""

    timeline: int
    start: int
    stop: int


@dataclass(frozen=True)
class BackupManifest:
    """`files` by their path below the data directory; those of a tablespace below `pg_tblspc/OID`."""

    files: dict[str, Listed]
    wal: tuple[WalRange, ...]

    @classmethod
    def parse(cls, text: bytes, key: str) -> "BackupManifest":
        """Raises Corrupt naming `key` when it is none, is not whole, or has other checksums than CRC-32C."""
        last = _LAST_LINE.search(text)
        if not last or hashlib.sha256(text[: last.start()]).hexdigest() != last[1].decode():
            raise Corrupt(f"{key} is no whole backup_manifest: its own checksum does not fit", next_step=ADVICE)
        try:
            content = json.loads(text)
            return cls(files=dict(_file(each) for each in content["Files"]), wal=_wal(content["WAL-Ranges"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupt(f"{key} is no backup_manifest as we make them: {error!r}", next_step=ADVICE) from None


def _wal(ranges: list[dict[str, str]]) -> tuple[WalRange, ...]:
    if not ranges:
        raise ValueError("no WAL")
    return tuple(
        WalRange(int(each["Timeline"]), parse_lsn(each["Start-LSN"]), parse_lsn(each["End-LSN"])) for each in ranges
    )


def _file(entry: dict[str, str]) -> tuple[str, Listed]:
    if entry["Checksum-Algorithm"] != "CRC32C":
        raise ValueError(f"checksum {entry['Checksum-Algorithm']}")
    path = entry.get("Path") or bytes.fromhex(entry["Encoded-Path"]).decode("utf-8", "surrogateescape")
    # PostgreSQL prints the bytes of the number as they lie in memory.
    return path, Listed(int(entry["Size"]), int.from_bytes(bytes.fromhex(entry["Checksum"]), "little"))
