"""PostgreSQL's log: write-ahead log from a walsender, one session with the server after another."""

from collections.abc import Callable
from datetime import datetime

from engines.postgres.wal_bucket import gaps, position_now
from engines.postgres.wal_session import Session
from engines.postgres.wal_stream import WalStream
from engines.shipping import Heard, Terms
from recovery.copies.log import GAPS
from recovery.copies.log_loss import lost_since
from recovery.copies.manifest import Manifest
from recovery.lease.lease import Lease
from recovery.ports import LogBucket, ObjectStore


class PostgresLog:
    """`connect` opens a session with the server."""

    dataset = "postgres"

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

    def lost_since(self, full: Manifest, store: ObjectStore) -> str:
        """See `engines.shipping.Log`."""
        return lost_since(full, position_now(store), gaps(store, GAPS))
