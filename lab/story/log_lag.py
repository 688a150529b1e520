"""How long a commit takes until its log is in the DR bucket, seen from outside: the server's own position, and what the
bucket lists. Nobody asks the shipper."""

import threading
import time
from collections.abc import Iterable
from typing import Any, Self

import psycopg

from lab.machine.processes import wait_until
from lab.story import observers
from lab.world import World
from recovery.copies.log import PREFIX, RANGES, Range, Segment, parse_key
from recovery.copies.stretches import Run, runs
from recovery.lease.lease import parse_lsn

_PAUSE = 0.1  # a look costs AWS's stand-in something
_FLUSHED = "SELECT pg_current_wal_flush_lsn()::text"


class LogLag:
    """Samples while the block runs; `report` afterwards."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopped = threading.Event()
        self._waiting: list[tuple[float, int]] = []
        self._lags: list[float] = []
        self._thread = threading.Thread(target=self._run, name="log lag", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(10)

    def report(self) -> dict[str, Any]:
        """Seconds from a server's position to the bucket that holds it: only of those that came."""
        lags = sorted(self._lags)
        if not lags:
            return {"samples": 0}
        return {
            "samples": len(lags),
            "lag_p50_seconds": round(quantile(lags, 0.5), 3),
            "lag_p99_seconds": round(quantile(lags, 0.99), 3),
        }

    def _run(self) -> None:
        s3 = self._world.cloud("s3", self._world.plan.sites.dr.region)
        bucket = self._world.names.backup_bucket("dr")
        with self._world.primary.connect() as connection:
            while not self._stopped.wait(_PAUSE):
                row = connection.execute(_FLUSHED).fetchone()
                at, position = time.monotonic(), parse_lsn(row[0]) if row else 0
                if not self._waiting or position > self._waiting[-1][1]:
                    self._waiting.append((at, position))
                end = end_of_log(keys(s3, bucket, PREFIX))
                seen = time.monotonic()
                self._lags += [seen - since for since, wanted in self._waiting if wanted <= end]
                self._waiting = [each for each in self._waiting if each[1] > end]


def goes_on(world: World, epoch: int) -> bool:
    """Whether the log of the DR site's own epoch gets into the bucket, up to where its database is now."""
    s3, bucket = world.cloud("s3", world.plan.sites.dr.region), world.names.backup_bucket("dr")
    try:
        wanted = observers.dr_log_position(world)
        wait_until(
            lambda: end_of_log(keys(s3, bucket, f"{RANGES}{epoch:08d}/")) >= wanted,
            timeout=20, what="the log of the DR site in the bucket", interval=0.3,
        )  # fmt: skip
    except (psycopg.Error, TimeoutError, RuntimeError):
        return False
    return True


def end_of_log(keys: Iterable[str]) -> int:
    """Where the newest log without a hole ends."""
    pieces = [each for key in keys if isinstance(each := parse_key(key), Range | Segment)]
    newest = max((each.line for each in pieces), default=None)
    found: list[Run] = runs(each for each in pieces if each.line == newest)
    return found[-1].end if found else 0


def quantile(ordered: list[float], share: float) -> float:
    """Of sorted values, the one that `share` of them do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Everything below `prefix`."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]
