"""Where the log is cut into ranges: by time while there is log, by size, at each segment's end; never when idle."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from recovery.copies.log import segment_start
from recovery.errors import Failed
from recovery.lease.lease import format_lsn


@dataclass(frozen=True, slots=True)
class Cut:
    """Bytes [start, end) of the log."""

    start: int
    end: int
    body: bytes


class Cutter:
    """Takes the log as it comes and gives ranges. `marks`: bounds of ranges beyond `start` that are stored already and
    will come again; cut there, the same bytes get the same name. Times are of one clock, in seconds."""

    def __init__(
        self, start: int, *, segment_bytes: int, most_bytes: int, most_seconds: float, marks: Sequence[int] = ()
    ) -> None:
        self.position = start
        self._segment_bytes, self._most_bytes, self._most_seconds = segment_bytes, most_bytes, most_seconds
        self._marks = sorted(mark for mark in marks if mark > start)
        self._pending = bytearray()
        self._since = 0.0

    @property
    def due_at(self) -> float | None:
        """When what is held has to go; None while nothing is."""
        if not self._pending or self._known_ahead():
            return None
        return self._since + self._most_seconds

    def add(self, start: int, body: memoryview, now: float) -> list[Cut]:
        """Take bytes from `start` on; returns what is full. Raises Failed when they do not follow the last ones."""
        if start != self.position:
            raise Failed(
                f"the server sent log from {format_lsn(start)} on, {format_lsn(self.position)} was next",
                next_step="none: the shipper begins again where the bucket's log ends",
            )
        cuts: list[Cut] = []
        while body:
            if not self._pending:
                self._since = now
            taken = body[: self._room()]
            self._pending += taken
            self.position += len(taken)
            body = body[len(taken) :]
            if not self._room():
                cuts.append(self._cut())
        return cuts

    def due(self, now: float) -> list[Cut]:
        """What is old enough to go."""
        due_at = self.due_at
        return [self._cut()] if due_at is not None and now >= due_at else []

    def rest(self) -> list[Cut]:
        """Everything that is held, at the end of a timeline or of the shipper."""
        return [self._cut()] if self._pending else []

    def _cut(self) -> Cut:
        cut = Cut(self.position - len(self._pending), self.position, bytes(self._pending))
        self._pending.clear()
        return cut

    def _room(self) -> int:
        """How many bytes more the range that is being gathered may hold."""
        begun = self.position - len(self._pending)
        limit = min(begun + self._most_bytes, segment_start(begun, self._segment_bytes) + self._segment_bytes)
        mark = bisect_right(self._marks, begun)
        if mark < len(self._marks):
            limit = min(limit, self._marks[mark])
        return limit - self.position

    def _known_ahead(self) -> bool:
        return bool(self._marks) and self.position < self._marks[-1]
