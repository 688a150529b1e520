"""Verify a PostgreSQL backup to its last byte: checksum first, then unpack, then pg_verifybackup with its WAL."""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from engines.copying import checked
from engines.postgres import child_environment, find_tool, redact, require_same_major, tool_version, verify_arguments
from recovery.errors import Corrupt, Failed, Refused
from recovery.lease import parse_lsn
from recovery.manifest import Manifest, Part
from recovery.ports import ObjectStore

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK = 1024 * 1024
_SLACK_BYTES = 64 * 1024 * 1024
_ADVICE = "use another backup (`dr backups`), and compare this object's versions to see who changed it"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was proven about a backup, and how long it took."""

    files: int
    bytes: int
    raw_bytes: int
    seconds: float


def verify(store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path) -> Verdict:
    """Download, unpack and check `manifest`'s backup in a private folder under `scratch`, removed afterwards.

    Raises Corrupt when anything differs from what the manifest promises, Refused before any effect when it cannot be
    checked here (space, tools), Failed when a tool broke.
    """
    begun = time.monotonic()
    binary = find_tool("pg_verifybackup", environment)
    find_tool("pg_waldump", environment)  # pg_verifybackup runs it to read through the WAL
    require_same_major("pg_verifybackup", tool_version(binary, environment), manifest.source.server_version)
    _require_space(scratch, manifest)
    files = 0
    with tempfile.TemporaryDirectory(prefix="dr-verify-", dir=scratch) as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        for part in manifest.parts:
            with tempfile.TemporaryFile(dir=folder) as stored:
                for chunk in checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256):
                    stored.write(chunk)
                stored.seek(0)
                files += unpack(stored, part, data)
        _check_identity(data, manifest)
        _run_verifier(binary, data, environment)
    return Verdict(
        files=files,
        bytes=manifest.stored_bytes,
        raw_bytes=sum(part.raw_bytes for part in manifest.parts),
        seconds=time.monotonic() - begun,
    )


def unpack(stored: IO[bytes], part: Part, target: Path) -> int:
    """Decompress and extract into `target`; returns the number of files. Raises Corrupt for a member that is not a
    plain file or folder below `target` (fault 49), and for anything that is not the archive of the manifest."""
    files = 0
    with zstd.open(stored, "rb") as raw:
        counted = _Counted(raw, limit=part.raw_bytes, key=part.key)
        try:
            # copybufsize is missing in the type stubs of `open`, so the call goes through Any.
            opened = cast("Any", tarfile.open)(fileobj=counted, mode="r|", bufsize=_CHUNK, copybufsize=_CHUNK)
            with opened as archive:
                for member in archive:
                    _require_plain(member, part.key)
                    archive.extract(member, target, filter="data")
                    files += member.isfile()
            for _ in counted.rest():
                pass
        except (tarfile.TarError, zstd.ZstdError, EOFError, UnicodeError) as error:
            raise Corrupt(f"{part.key} cannot be unpacked: {error}", next_step=_ADVICE) from None
    if counted.count != part.raw_bytes:
        raise Corrupt(
            f"{part.key} unpacks to {counted.count:,} bytes, its manifest says {part.raw_bytes:,}", next_step=_ADVICE
        )
    return files


class _Counted:
    """A readable stream that counts, and refuses to grow beyond what the manifest promises."""

    def __init__(self, raw: Any, *, limit: int, key: str) -> None:
        self.count = 0
        self._raw, self._limit, self._key = raw, limit, key

    def read(self, size: int = -1) -> bytes:
        chunk = self._raw.read(size)
        self.count += len(chunk)
        if self.count > self._limit:
            raise Corrupt(f"{self._key} unpacks to more than its manifest's {self._limit:,} bytes", next_step=_ADVICE)
        return chunk

    def rest(self) -> Iterator[bytes]:
        """What follows the archive's end marker."""
        while chunk := self.read(_CHUNK):
            yield chunk


def _require_plain(member: tarfile.TarInfo, key: str) -> None:
    path = PurePosixPath(member.name)
    if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
        raise Corrupt(
            f"{key} contains {member.name!r}, which is no plain file or folder below the data directory",
            next_step=_ADVICE,
        )


def _require_space(scratch: Path, manifest: Manifest) -> None:
    needed = manifest.stored_bytes + sum(part.raw_bytes for part in manifest.parts) + _SLACK_BYTES
    try:
        free = shutil.disk_usage(scratch).free
    except OSError as error:
        raise Refused(f"{scratch} cannot be used: {error.strerror}", next_step="name a folder with --scratch") from None
    if free < needed:
        raise Refused(
            f"{scratch} has {free:,} bytes free, unpacking needs {needed:,}",
            next_step="free some space, or name a larger folder with --scratch",
        )


def _check_identity(data: Path, manifest: Manifest) -> None:
    """The backup's own manifest must be about the server and positions that ours names."""
    try:
        content = json.loads((data / "backup_manifest").read_bytes())
        system = str(content["System-Identifier"])
        ranges = [(parse_lsn(each["Start-LSN"]), parse_lsn(each["End-LSN"])) for each in content["WAL-Ranges"]]
        positions = min(start for start, _ in ranges), max(stop for _, stop in ranges)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"the backup has no readable backup_manifest: {error!r}", next_step=_ADVICE) from None
    promised = parse_lsn(manifest.start_position), parse_lsn(manifest.stop_position)
    if system != manifest.source.system_identifier or positions != promised:
        raise Corrupt(
            f"the backup is of system {system}, its manifest says {manifest.source.system_identifier} "
            f"from {manifest.start_position} to {manifest.stop_position}, which differs from what is inside",
            next_step=_ADVICE,
        )


def _run_verifier(binary: str, data: Path, environment: Mapping[str, str]) -> None:
    try:
        result = subprocess.run(
            verify_arguments(binary, str(data)),
            env=child_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=6 * 3600,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"pg_verifybackup did not finish: {error}", next_step="run `dr verify` again") from None
    if result.returncode != 0:
        said = redact(result.stderr.decode(errors="replace"), environment).strip().splitlines()[-5:]
        raise Corrupt(f"pg_verifybackup refuses the backup: {' / '.join(said)}", next_step=_ADVICE)
