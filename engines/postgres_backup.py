"""A full PostgreSQL backup: pg_basebackup → zstd → S3, nothing on a local disk, the manifest last.

Two runs at once are safe (each has its own folder) and only cost twice; the CronJob forbids them within a cluster.
"""

import contextlib
import fcntl
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engines.catalog import move_pointer
from engines.copying import Tally, compressed, zstd_version
from engines.fencing import require_held, require_unmoved
from engines.postgres import (
    Identity,
    base_backup_arguments,
    child_environment,
    find_tool,
    identify,
    redact,
    require_same_major,
    tool_version,
)
from recovery.errors import Failed
from recovery.lease import Lease, format_lsn, parse_lsn
from recovery.manifest import Manifest, Part, Source
from recovery.names import backup_prefix, manifest_key
from recovery.plan import SiteName
from recovery.ports import LeaseStore, ObjectStore

DATASET, KIND = "postgres", "full"
PART_NAME = "base.tar.zst"
_CHUNK = 1024 * 1024
_SMALLEST_CLUSTER = 8 * 1024 * 1024  # an empty PostgreSQL 18 cluster is 23 MB and comes with 16 MB of WAL
_WAL_RANGES = re.compile(rb'"WAL-Ranges": \[(.*?)\]', re.DOTALL)
_WAL_RANGE = re.compile(rb'"Timeline": (\d+), "Start-LSN": "([0-9A-F/]+)", "End-LSN": "([0-9A-F/]+)"')


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to back up, for how long to keep it, and when to give up. `run` makes the folder's name unique."""

    site: SiteName
    database: str
    plan_digest: str
    keep: timedelta
    time_limit: timedelta
    run: str
    program_version: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished backup, and whether `latest` names it now."""

    manifest_key: str
    manifest: Manifest
    seconds: float
    pointer_moved: bool


def full_backup(
    store: ObjectStore,
    leases: LeaseStore,
    order: Order,
    *,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    begun: Callable[[Identity], None] = lambda _: None,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Made:
    """Back up the server that libpq's environment variables name, and move the `latest` pointer.

    Raises Refused (LeaseRefused) before any effect: fenced site, wrong server, wrong version, no bucket. Raises Failed
    afterwards; then there is no manifest, so there is no backup.
    """
    lease = require_held(leases, order.site)
    binary = find_tool("pg_basebackup", environment)
    version = tool_version(binary, environment)
    identity = identify(order.database, environment)
    require_same_major("pg_basebackup", version, identity.server_version)
    begun(identity)

    started, clock_start, tally = clock().replace(microsecond=0), time.monotonic(), Tally()
    folder = backup_prefix(
        DATASET, KIND, epoch=lease.epoch, source=identity.system_identifier, started=started, run=order.run
    )
    part_key, retain_until = folder + PART_NAME, started + order.keep
    producer = base_backup(binary, environment, order.time_limit)
    with (
        contextlib.closing(compressed(whole(producer, tally), tally, progress)) as chunks,
        contextlib.closing(producer),
    ):
        store.put_stream(part_key, chunks, retain_until=retain_until)
    start, stop = wal_range(tally.tail, identity.timeline)

    require_unmoved(leases, lease)
    manifest = Manifest(
        dataset=DATASET,
        kind=KIND,
        id=folder.rstrip("/").rsplit("/", 1)[-1],
        started=started,
        finished=clock(),
        source=_source(order, lease, identity),
        start_position=start,
        stop_position=stop,
        parts=(Part(key=part_key, bytes=tally.stored_bytes, sha256=tally.sha256, raw_bytes=tally.raw_bytes),),
        tools={"pg_basebackup": version, "zstd": zstd_version(), "dr": order.program_version},
        plan_digest=order.plan_digest,
        retain_until=retain_until,
    )
    key = manifest_key(folder)
    store.put_once(key, manifest.to_json(), retain_until=retain_until)
    moved = move_pointer(store, manifest, key)
    return Made(manifest_key=key, manifest=manifest, seconds=time.monotonic() - clock_start, pointer_moved=moved)


def base_backup(binary: str, environment: Mapping[str, str], time_limit: timedelta) -> Generator[memoryview]:
    """pg_basebackup's output; the memory of a chunk is reused for the next. The process starts with the first chunk.

    Raises Failed with the program's own words when it does not end with 0 (fault 37) or exceeds the time limit.
    """
    process = subprocess.Popen(
        base_backup_arguments(binary),
        env=child_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101  (for the type checker)
    words: deque[bytes] = deque(maxlen=30)
    listener = threading.Thread(target=lambda pipe=process.stderr: words.extend(pipe), daemon=True)
    listener.start()
    overdue = threading.Event()

    def give_up() -> None:
        overdue.set()
        process.kill()

    timer = threading.Timer(time_limit.total_seconds(), give_up)
    timer.daemon = True
    timer.start()
    try:
        with contextlib.suppress(OSError):  # the producer may run ahead; the default of 64 KiB works as well
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _CHUNK)
        buffer = bytearray(_CHUNK)
        with memoryview(buffer) as view:
            while count := process.stdout.readinto(buffer):  # type: ignore[attr-defined]
                yield view[:count]
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()
    if overdue.is_set():
        raise Failed(
            f"pg_basebackup did not finish within {time_limit}; the upload was aborted",
            next_step="look at the server's and the network's load, or raise time_limit in recovery.yaml",
        )
    if code != 0:
        raise Failed(*_ending(code, redact(b"".join(words).decode(errors="replace"), environment)))


def whole(chunks: Iterable[memoryview], tally: Tally) -> Iterator[memoryview]:
    """Pass chunks on and, at their end, raise Failed unless `tally` saw a complete backup (fault 33)."""
    yield from chunks
    if tally.raw_bytes < _SMALLEST_CLUSTER:
        raise Failed(
            f"pg_basebackup ended well but wrote only {tally.raw_bytes:,} bytes: that is no database cluster",
            next_step="run pg_basebackup by hand with the same environment and look at what it writes",
        )
    if not _WAL_RANGES.search(tally.tail):
        raise Failed(
            "pg_basebackup's output does not end with a backup_manifest, so it is cut off",
            next_step="run the backup again; if it repeats, run pg_basebackup by hand",
        )


def wal_range(tail: bytes, timeline: int) -> tuple[str, str]:
    """First and last WAL position that the backup needs, from the backup_manifest at the end of the stream.

    https://www.postgresql.org/docs/18/backup-manifest-wal-ranges.html. Raises Failed when the timeline changed.
    """
    ranges = [_WAL_RANGE.findall(section) for section in _WAL_RANGES.findall(tail)][-1:]
    found = ranges[0] if ranges else []
    if not found or any(int(each[0]) != timeline for each in found):
        raise Failed(
            f"the server was on timeline {timeline} when asked, the backup is of "
            f"{', '.join(each[0].decode() for each in found) or 'none'}: it was promoted or replaced meanwhile",
            next_step="run the backup again",
        )
    starts, stops = [parse_lsn(each[1].decode()) for each in found], [parse_lsn(each[2].decode()) for each in found]
    return format_lsn(min(starts)), format_lsn(max(stops))


def _source(order: Order, lease: Lease, identity: Identity) -> Source:
    return Source(
        site=order.site,
        epoch=lease.epoch,
        system_identifier=identity.system_identifier,
        timeline=identity.timeline,
        server_version=identity.server_version,
        database=order.database,
    )


def _ending(code: int, words: str) -> tuple[str]:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    said = "\n".join(f"  {line}" for line in words.strip().splitlines()[-8:])
    return (f"pg_basebackup {how}; the upload was aborted and nothing was stored. It said:\n{said or '  nothing'}",)
