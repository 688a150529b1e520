"""PostgreSQL's log: write-ahead log from a walsender, one session with the server after another.

What judges the log is loaded when it is asked for: a shipper's process never asks (ADR 33).
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from engines.postgres.wal_bucket import gaps, position_now, positions
from engines.postgres.wal_session import Session
from engines.postgres.wal_stream import WalStream
from engines.shipping import Heard, HeldLog, Terms
from recovery.copies.log import GAPS, PREFIX, SEGMENT_BYTES, segment_start
from recovery.lease.lease import Lease, parse_lsn
from recovery.ports.buckets import LogBucket, ObjectStore

if TYPE_CHECKING:
    from recovery.copies.manifest import Manifest


class PostgresLog:
    """`connect` opens a session with the server."""

    dataset = "postgres"
    reads_section = False

    def __init__(self, connect: Callable[[], WalStream] = WalStream.open) -> None:
        self._connect = connect

    def ship(
        self,
        store: LogBucket,
        lease: Lease,
        terms: Terms,
        *,
        clock: Callable[[], datetime],
        heard: Heard,
        stop: Callable[[], bool],
    ) -> None:
        """See `engines.shipping.Log`."""
        stream = self._connect()
        try:
            Session(stream, store, lease, terms, clock, heard).run(stop)
        finally:
            stream.close()

    def lost_since(self, full: "Manifest", store: ObjectStore) -> str:
        """See `engines.shipping.Log`."""
        from recovery.copies.log_loss import lost_since

        return lost_since(full, position_now(store), gaps(store, GAPS))

    def held(self, store: ObjectStore) -> HeldLog:
        """See `engines.shipping.Log`. The positions are read before the log is listed, so that none is ahead of it."""
        from recovery.copies.postgres_log_days import log_days

        known = positions(store)
        segment_bytes = max((each.segment_bytes for each in known), default=SEGMENT_BYTES)
        return HeldLog(
            days=log_days(store.list(PREFIX), known),
            needed_from=lambda backup: segment_start(parse_lsn(backup.start_position), segment_bytes),
        )
