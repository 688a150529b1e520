"""The standby's stream dies while the log goes on into the bucket: production loses the slot that the standby streams
from, as when it kept more than it may. Then what only the bucket has, and what became of it, seen from outside: the
bucket's keys and both databases."""

import time
from typing import Any

import psycopg

from lab.machine.processes import wait_until
from lab.story import log_lag, observers
from lab.world import World
from recovery.copies.log import PREFIX, SEGMENTS, History, parse_history, parse_key
from recovery.site.postgres_standby import SLOT

_SECONDS = 4.0
"""Of orders without a stream."""
_TORN_BYTES = 8192
"""The bucket's log may end within a record, of which no more is held back than a page."""
_END_STREAM = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s AND active"


def cut(world: World) -> None:
    """End the stream for good, and let orders come in for some seconds."""
    with world.primary.connect() as connection:

        def gone() -> bool:
            connection.execute(_END_STREAM, (SLOT,))
            try:
                connection.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))
            except psycopg.errors.ObjectInUse:  # its sender is on its way out, or there again
                return False
            return True

        wait_until(gone, timeout=20, what="the standby's slot to be gone", interval=0.05)
    wait_until(lambda: not observers.standby_streams(world), timeout=20, what="the stream to be dead", interval=0.1)
    time.sleep(_SECONDS)


def beyond_the_stream(world: World) -> dict[str, Any]:
    """Where the stream ended, and how far the bucket is ahead of that now."""
    streamed, replayed = observers.standby_positions(world)
    keys = log_lag.keys(_s3(world), world.names.backup_bucket("dr"), PREFIX)
    return {"streamed": streamed, "replayed": replayed, "bucket_end": log_lag.end_of_log(keys)}


def drained(world: World, before: dict[str, Any]) -> dict[str, Any]:
    """How much of it the promoted database has: up to where its timeline began, by its history in the bucket."""
    ahead = max(0, before["bucket_end"] - before["streamed"])
    try:
        began = _timeline_began(world)
    except (psycopg.Error, ValueError):
        began = 0
    return {
        "bucket_ahead_bytes": ahead,
        "drained_bytes": max(0, min(began, before["bucket_end"]) - before["streamed"]),
    }


def all_of_it(log: dict[str, Any]) -> bool:
    """Whether every whole record of what only the bucket had is in the promoted database."""
    return 0 < log.get("bucket_ahead_bytes", 0) <= log.get("drained_bytes", 0) + _TORN_BYTES


def _timeline_began(world: World) -> int:
    s3, bucket = _s3(world), world.names.backup_bucket("dr")
    found = [each for key in log_lag.keys(s3, bucket, SEGMENTS) if isinstance(each := parse_key(key), History)]
    newest = max(found, key=lambda each: each.line)
    body = s3.get_object(Bucket=bucket, Key=newest.key)["Body"].read()
    return parse_history(body.decode())[-1].position


def _s3(world: World) -> Any:
    return world.cloud("s3", world.plan.sites.dr.region)
