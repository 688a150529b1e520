"""What a shipper asks of a change stream: raw batches, how far they are complete, and by what it ends for good.

Every event of a majority's writes comes, none is ever undone. https://www.mongodb.com/docs/manual/changeStreams/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bson.raw_bson import RawBSONDocument

FOR_GOOD: Mapping[int, str] = {
    286: "the server's log (oplog) no longer goes back to where the stream was",
    280: "the server cannot go on with the stream",
    40585: "the server does not know the place any more at which the stream was",
    40615: "the server does not know the place any more at which the stream was",
    260: "the server does not take the token any more that it gave",
    47: "the post-image of an update has expired or was never kept",
    10334: "an event is too large for the server to send, even in fragments",
}
"""Errors after which the same token leads nowhere, however often it is tried."""


class StreamEnded(Exception):
    """The stream cannot go on from its token; why, in words."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What came at once. `token` resumes the stream behind it. `through`: all changes up to this cluster time have
    come; None while more may be on its way. `over`: the server has ended the stream in order; it goes on by `token`."""

    events: Sequence["RawBSONDocument"]
    token: bytes
    through: int | None = None
    over: bool = False


class LogStream(Protocol):
    """One session with the server, and one stream at a time."""

    @property
    def source(self) -> str:
        """Which server's history it is."""
        ...

    def look(self) -> Sequence[str]:
        """Raises Refused while a collection cannot be followed; returns what is to be said of others."""
        ...

    def open(self, token: bytes | None) -> Batch:
        """Go on behind `token`, or begin now. Raises StreamEnded, Unreachable, Refused."""
        ...

    def now(self) -> int:
        """A cluster time that is not before any change made so far."""
        ...

    def next(self, seconds: float) -> Batch:
        """What comes next; waits for `seconds` at most. Raises StreamEnded, Unreachable, Refused."""
        ...
