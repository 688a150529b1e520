"""The change stream of one database at a real deployment, as a shipper asks for it.

It is read of the primary by a connection to that member alone: what it says of itself and what it sends must be of one
server. https://www.mongodb.com/docs/manual/changeStreams/
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engines.mongo.connection import Address, connected
from engines.mongo.listing import collections, require_copyable
from engines.mongo.log_stream import FOR_GOOD, Batch, StreamEnded
from engines.mongo.server import describe
from recovery.copies.log_times import place
from recovery.errors import Unreachable

if TYPE_CHECKING:
    from engines.mongo.connection import Client

_ANSWER_SECONDS = 60.0
_AT_ONCE = 5_000
"""Events; the server sends no more than 16 MB of them besides."""


class MongoStream:
    """The stream of `database` at the deployment that `client` reaches."""

    def __init__(self, client: "Client", database: str, source: str) -> None:
        from bson.codec_options import CodecOptions
        from bson.raw_bson import RawBSONDocument

        self.source = source
        self._admin, self._database, self._plain = client.admin, client[database], client.get_database(database)
        self._raw: Any = CodecOptions(document_class=RawBSONDocument)
        self._cursor = 0

    def look(self) -> Sequence[str]:
        """See LogStream."""
        found = collections(self._plain)
        require_copyable(found, self._plain.name)
        series = [each.name for each in found if each.kind == "timeseries"]
        return [f"no change stream has the changes of time series: {', '.join(series)}"] if series else []

    def open(self, token: bytes | None) -> Batch:
        """See LogStream. A database that was dropped is followed on: only `startAfter` goes on behind its end."""
        from bson import Int64
        from bson.raw_bson import RawBSONDocument

        options: dict[str, Any] = {"fullDocument": "required", "showExpandedEvents": True}
        if token is not None:
            options["startAfter"] = RawBSONDocument(token)
        command = {
            "aggregate": 1,
            "pipeline": [{"$changeStream": options}, {"$changeStreamSplitLargeEvent": {}}],
            "cursor": {"batchSize": _AT_ONCE},
            "readConcern": {"level": "majority"},
        }
        cursor = self._ask(command)["cursor"]
        self._cursor = Int64(cursor["id"])
        return self._batch(cursor, "firstBatch", None)

    def now(self) -> int:
        """See LogStream."""
        return _place(self._written()["opTime"])

    def next(self, seconds: float) -> Batch:
        """See LogStream. An empty answer says that all was read which a majority had when it was asked."""
        majority = _place(self._written()["majorityOpTime"])
        command = {
            "getMore": self._cursor,
            "collection": "$cmd.aggregate",
            "batchSize": _AT_ONCE,
            "maxTimeMS": max(1, int(seconds * 1000)),
        }
        return self._batch(self._ask(command)["cursor"], "nextBatch", majority)

    def _written(self) -> Mapping[str, Any]:
        """What the primary and what a majority has. Raises Unreachable when this is not the primary any more."""
        hello = self._admin.command("hello")
        if not hello.get("isWritablePrimary"):
            raise Unreachable(
                f"{hello.get('me', 'this member')} is not the primary any more", next_step="none: another one is asked"
            )
        return hello["lastWrite"]

    def _ask(self, command: Mapping[str, Any]) -> Any:
        from pymongo.errors import OperationFailure

        try:
            return self._database.command(dict(command), codec_options=self._raw)
        except OperationFailure as error:
            if error.code not in FOR_GOOD:
                raise
            raise StreamEnded(f"{FOR_GOOD[error.code or 0]} (error {error.code})") from None

    def _batch(self, cursor: Mapping[str, Any], name: str, majority: int | None) -> Batch:
        events = list(cursor[name])
        token = bytes(cursor["postBatchResumeToken"].raw)
        over = cursor["id"] == 0
        return Batch(events=events, token=token, through=None if events else majority, over=over)


@contextmanager
def streamed(environment: Mapping[str, str], database: str) -> Iterator[MongoStream]:
    """Of the deployment that the environment names. Raises Refused for one that has no change streams, Unreachable."""
    address = Address.of(environment)
    with connected(address) as client:
        deployment = describe(client, address)
        primary = client.admin.command("hello").get("primary")
    if not primary:
        raise Unreachable(
            f"{deployment.set_name} has no primary now", next_step="look at rs.status(); this goes on by itself"
        )
    with connected(address.member(primary), answer_seconds=_ANSWER_SECONDS) as client:
        yield MongoStream(client, database, deployment.identity)


def _place(written: Mapping[str, Any]) -> int:
    return place(written["ts"].time, written["ts"].inc)
