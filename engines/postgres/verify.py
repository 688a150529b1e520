"""Verify a PostgreSQL backup to its last byte while it is downloaded: every object's checksum, every file's as
PostgreSQL's backup_manifest has it, and the WAL by pg_waldump. Only the WAL touches the disk.

The same as pg_verifybackup does with a backup that lies on a disk.
"""

import math
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from engines.engine import Verdict
from engines.postgres import control_file
from engines.postgres.archives import contents, raw
from engines.postgres.backup_manifest import BackupManifest
from engines.postgres.expected_files import ExpectedFiles, Keep
from engines.postgres.tools import (
    child_environment,
    find_tool,
    redact,
    require_same_major,
    tool_version,
    waldump_arguments,
)
from engines.streams import ADVICE
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt, Failed, Refused
from recovery.lease.lease import format_lsn, parse_lsn
from recovery.names import SCRATCH, TEMPORARY_BYTES
from recovery.ports.buckets import ObjectStore

VERIFIERS = ("pg_waldump", "pg_controldata")
_SLACK_BYTES = 128 * 1024 * 1024  # the WAL comes in whole files, usually of 16 MiB
_CONTROL = "global/pg_control"
_WAL = re.compile(r"pg_wal/([0-9A-F]{24}|[0-9A-F]{8}\.history)")


def verify(store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path) -> Verdict:
    """Download and check `manifest`'s backup; its WAL lies in a private folder under `scratch` meanwhile.

    Raises Corrupt when anything differs from what the manifest promises, Refused before any effect when it cannot be
    checked here (space, tools), Failed when a tool broke.
    """
    begun = time.monotonic()
    waldump, *_ = (find_tool(name, environment) for name in VERIFIERS)
    require_same_major("pg_waldump", tool_version(waldump, environment), manifest.source.server_version)
    found = contents(manifest)
    _require_space(scratch, manifest, environment)
    listed = BackupManifest.parse(b"".join(raw(store, found.manifest)), found.manifest.key)
    _check_positions(listed, manifest)
    with tempfile.TemporaryDirectory(prefix="dr-verify-", dir=scratch) as folder:
        for name in ("pg_wal", "global"):
            (Path(folder) / name).mkdir(mode=0o700)
        expected = ExpectedFiles(listed)
        for series in found.archives:
            expected.archive(series, raw(store, series), lambda _, path: _kept(Path(folder), path))
        expected.require_all()
        _check_identity(Path(folder), manifest, environment)
        _read_wal(waldump, Path(folder), listed, environment)
    return Verdict(
        files=expected.files,
        bytes=manifest.stored_bytes,
        raw_bytes=manifest.raw_bytes,
        seconds=time.monotonic() - begun,
    )


@contextmanager
def _kept(folder: Path, path: str) -> Iterator[Keep]:
    """WAL and control file are written into `folder`, all else is only read."""
    wal = _WAL.fullmatch(path)
    if not wal and path != _CONTROL:
        yield len
        return
    target = folder / path
    try:
        with target.open("xb") as file:
            yield file.write
    except OSError as error:
        raise Failed(
            f"{target} cannot be written: {error.strerror}", next_step="name a larger folder with --scratch"
        ) from None


def _require_space(scratch: Path, manifest: Manifest, environment: Mapping[str, str]) -> None:
    needed = parse_lsn(manifest.stop_position) - parse_lsn(manifest.start_position) + _SLACK_BYTES
    try:
        free = min(shutil.disk_usage(scratch).free, _allowed(scratch, environment))
    except OSError as error:
        raise Refused(f"{scratch} cannot be used: {error.strerror}", next_step="name a folder with --scratch") from None
    if free < needed:
        raise Refused(
            f"{scratch} has room for {free:,} bytes, the backup's WAL needs {needed:,}",
            next_step=f"free some space, or name a larger folder with --scratch (or {SCRATCH}); the operator workspace "
            f"gets one by `pulumi config set ultramarket-dr:operatorScratch {_gibibytes(needed)}Gi --stack dr` and "
            "`pulumi up`",
        )


def _gibibytes(needed: int) -> int:
    """The next whole number, with a tenth more for the file system's own."""
    return math.ceil(needed * 1.1 / 2**30)


def _allowed(scratch: Path, environment: Mapping[str, str]) -> float:
    """Bytes that a container may write there; no limit where none is declared."""
    declared = environment.get(TEMPORARY_BYTES, "")
    temporary = Path(tempfile.gettempdir()).resolve()
    return int(declared) if declared.isdigit() and scratch.resolve().is_relative_to(temporary) else math.inf


def _check_positions(listed: BackupManifest, manifest: Manifest) -> None:
    inside = [format_lsn(min(each.start for each in listed.wal)), format_lsn(max(each.stop for each in listed.wal))]
    if inside != [manifest.start_position, manifest.stop_position]:
        raise Corrupt(
            f"the backup is from {' to '.join(inside)}, its manifest says from {manifest.start_position} to "
            f"{manifest.stop_position}, which differs from what is inside",
            next_step=ADVICE,
        )


def _check_identity(folder: Path, manifest: Manifest, environment: Mapping[str, str]) -> None:
    """It must be of the server that our manifest names. The system identifier comes from the control file:
    backup_manifest has it only from PostgreSQL 17 on. https://www.postgresql.org/docs/17/backup-manifest-toplevel.html
    """
    system = control_file.read(folder, environment).system_identifier
    if system != manifest.source.system_identifier:
        raise Corrupt(
            f"the backup is of system {system}, its manifest says {manifest.source.system_identifier}, "
            "which differs from what is inside",
            next_step=ADVICE,
        )


def _read_wal(waldump: str, folder: Path, listed: BackupManifest, environment: Mapping[str, str]) -> None:
    for needed in listed.wal:
        try:
            result = subprocess.run(
                waldump_arguments(waldump, folder / "pg_wal", needed.timeline, needed.start, needed.stop),
                env=child_environment(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=6 * 3600,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"pg_waldump did not finish: {error}", next_step="run `dr verify` again") from None
        if result.returncode != 0:
            said = redact(result.stderr.decode(errors="replace"), environment).strip().splitlines()[-5:]
            raise Corrupt(f"pg_waldump cannot read the backup's WAL: {' / '.join(said)}", next_step=ADVICE)
