"""MongoDB's log: the change stream of the plan's database, one session with the deployment after another."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import cast

from engines.mongo.log_bucket import gaps, position_now, positions
from engines.mongo.log_session import Session
from engines.mongo.log_stream import LogStream
from engines.mongo.stream_session import streamed
from engines.shipping import Heard, HeldLog, Terms
from recovery.copies.manifest import Manifest
from recovery.copies.mongo_log import PREFIX
from recovery.copies.mongo_log_days import log_days
from recovery.copies.mongo_log_way import lost_since, needs
from recovery.lease.lease import Lease
from recovery.plan.datasets import Mongo
from recovery.ports.buckets import LogBucket, ObjectStore

Connect = Callable[[Mapping[str, str], str], AbstractContextManager[LogStream]]


class MongoLog:
    """`connect` opens a session with the deployment that an environment names, for one database."""

    dataset = "mongo"
    reads_section = True

    def __init__(self, connect: Connect = streamed) -> None:
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
        with self._connect(terms.environment, cast("Mongo", terms.section).database) as stream:
            Session(stream, store, lease, terms, clock, heard, stop=stop).run()

    def lost_since(self, full: Manifest, store: ObjectStore) -> str:
        """See `engines.shipping.Log`."""
        return lost_since(full, position_now(store), gaps(store))

    def held(self, store: ObjectStore) -> HeldLog:
        """See `engines.shipping.Log`. The positions are read before the log is listed, so that none is ahead of it."""
        known = positions(store)
        return HeldLog(days=log_days(store.list(PREFIX), known), needed_from=needs)
