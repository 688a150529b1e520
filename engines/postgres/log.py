"""PostgreSQL's log: write-ahead log from a walsender, one session with the server after another."""

from collections.abc import Callable
from datetime import datetime

from engines.postgres.wal_session import Session
from engines.postgres.wal_stream import WalStream
from engines.shipping import Heard, Terms
from recovery.lease.lease import Lease
from recovery.ports import LogBucket


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
