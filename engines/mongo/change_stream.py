"""The place in the change stream from which a dump is brought up to date: proven before its first read and after its
last.

A token names a place in the log that the deployment keeps for its members. A log that has been cut past it does not
take the token any more, and then nothing leads on from the dump: https://www.mongodb.com/docs/manual/changeStreams/
"""

from contextlib import closing
from typing import TYPE_CHECKING, Any

from recovery.copies.cluster_time import ClusterTime, Mark
from recovery.errors import Failed

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

    from engines.mongo.connection import Client

_LOST = (286, 280, 40585, 40615, 260)
"""What the server says of a token that it does not take any more: it is too old, unknown, or of another stream."""


def begin(client: "Client", session: "ClientSession", database: str) -> Mark:
    """Open the stream of `database`, take its token and have the server take it back. Every later read that is causal
    on `session` has all that is not in the stream from there on. Raises Failed when the token is not taken."""
    with closing(client[database].watch(session=session, **_options())) as stream:
        token: Any = stream.resume_token
    text = token.get("_data") if token else None
    if not isinstance(text, str):
        raise Failed(
            "MongoDB opened a change stream and gave no place in it",
            next_step="look whether the server is MongoDB 6.0 or later",
        )
    mark = Mark(operation_time(session), text)
    require_resumable(client, session, database, mark)
    return mark


def require_resumable(client: "Client", session: "ClientSession", database: str, mark: Mark) -> None:
    """Raises Failed when the deployment does not go on from `mark` any more."""
    from pymongo.errors import OperationFailure

    try:
        with closing(
            client[database].watch(session=session, resume_after={"_data": mark.token}, **_options())
        ) as stream:
            stream.try_next()
    except OperationFailure as error:
        if error.code not in _LOST:
            raise
        raise Failed(
            f"MongoDB does not go on from {mark.time} any more (error {error.code}), so no log leads on from this "
            "copy; there is no backup",
            next_step="make its oplog larger (replSetResizeOplog) than a copy takes, and run this again",
        ) from None


def operation_time(session: "ClientSession") -> ClusterTime:
    """Of the last answer. Raises Failed for a server that says none."""
    found = session.operation_time
    if found is None:
        raise Failed(
            "MongoDB does not say at what time of its log it answers", next_step="look whether it is a replica set"
        )
    return ClusterTime(found.time, found.inc)


def _options() -> dict[str, Any]:
    """Of a stream that is only looked at."""
    return {"show_expanded_events": True, "max_await_time_ms": 1, "batch_size": 1}
