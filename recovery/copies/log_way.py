"""The log behind a backup: over which timelines it leads, how far without a hole, and what holds each byte of it."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from recovery.copies.log import (
    SEGMENT_BYTES,
    Held,
    Line,
    Piece,
    Switch,
    chain,
    history_name,
    parse_history,
    parse_wal_name,
    segment_start,
    wal_name,
)
from recovery.copies.manifest import Manifest
from recovery.copies.stretches import Run, reached, runs
from recovery.errors import Corrupt, Refused
from recovery.lease.lease import parse_lsn


@dataclass(frozen=True, kw_only=True)
class Log:
    """One system's log in a bucket: what holds it, and the text of each timeline's history, by timeline."""

    pieces: Mapping[int, Sequence[Piece]]
    histories: Mapping[int, str]
    newest: int
    """The timeline that the site with the lease writes, or wrote last."""
    segment_bytes: int = SEGMENT_BYTES

    @classmethod
    def of(cls, pieces: Iterable[Piece], histories: Mapping[Line, str], segment_bytes: int = SEGMENT_BYTES) -> "Log":
        """In whatever order they come. Raises Refused when there is nothing."""
        by_timeline: dict[int, list[Piece]] = {}
        lines = set(histories)
        for piece in pieces:
            by_timeline.setdefault(piece.line.timeline, []).append(piece)
            lines.add(piece.line)
        if not lines:
            raise Refused("the bucket holds no log", next_step="restore a backup alone: name its id (`dr backups`)")
        return cls(
            pieces=by_timeline,
            histories={line.timeline: histories[line] for line in sorted(histories)},
            newest=max((line.epoch, line.timeline) for line in lines)[1],
            segment_bytes=segment_bytes,
        )

    def ancestors(self, timeline: int) -> tuple[Switch, ...]:
        """From which timelines it descends. Raises Corrupt when its history is missing or damaged (fault 53)."""
        if timeline == 1:
            return ()
        advice = "name a point before that timeline began, or find an older version of the object"
        if timeline not in self.histories:
            raise Corrupt(
                f"the log has timeline {timeline} and not its history, {history_name(timeline)}: where it left the "
                "one before is not known",
                next_step=advice,
            )
        try:
            return parse_history(self.histories[timeline])
        except ValueError as error:
            raise Corrupt(f"{history_name(timeline)} in the log: {error}", next_step=advice) from None


@dataclass(frozen=True, kw_only=True)
class Way:
    """The log after a backup, over `timelines`, of which each ends at its position (the last nowhere): it goes on
    without a hole until `end`; `hole` is set when there is log behind that."""

    timelines: tuple[tuple[int, int | None], ...]
    held: Sequence[Held]
    end: int
    hole: Run | None
    segment_bytes: int

    @property
    def timeline(self) -> int:
        """The newest."""
        return self.timelines[-1][0]

    def until(self, end: int) -> "Way":
        """The same, ending at `end` at the latest; what is behind does not matter."""
        return replace(self, end=min(end, self.end), hole=None)

    def names(self, start: int) -> list[str]:
        """The files that PostgreSQL asks for from `start` on: of each segment the newest timeline's."""
        size = self.segment_bytes
        return [
            wal_name(self._newest_at(position), position, size)
            for position in range(segment_start(start, size), self.end, size)
        ]

    def between(self, start: int, end: int) -> list[Held]:
        """What holds the log between two positions: the first choice for every byte of it."""
        return [each for name in self.names(start) for each in self.parts(name)[0] if each.start < end]

    def parts(self, name: str) -> tuple[list[Held], int, int]:
        """What to read, in order, for the WAL file `name`, where that ends, and where it should. Raises ValueError for
        what is no such name."""
        timeline, start = parse_wal_name(name, self.segment_bytes)
        ends = [end for number, end in self.timelines if number == timeline]
        if not ends:
            return [], start, start
        limit = min(each for each in (start + self.segment_bytes, self.end, ends[0]) if each is not None)
        first = bisect_left(self.held, start, key=lambda each: each.start)
        last = bisect_left(self.held, limit, key=lambda each: each.start)
        here = [each for each in self.held[first:last] if each.piece.line.timeline <= timeline]
        found = list(chain(here, start, limit))
        return found, found[-1].end if found else start, max(limit, start)

    def _newest_at(self, position: int) -> int:
        """The newest timeline that has a part in the segment of `position`."""
        begins = [0, *(end for _, end in self.timelines if end is not None)]
        size = self.segment_bytes
        return max(
            number
            for (number, _), begin in zip(self.timelines, begins, strict=True)
            if segment_start(begin, size) <= position
        )


def way(backup: Manifest, log: Log) -> Way:
    """The log after `backup` to the newest timeline's end. Raises Refused when that timeline does not descend from
    the backup's, Corrupt when it cannot be known."""
    start, stop = parse_lsn(backup.start_position), parse_lsn(backup.stop_position)
    found = way_from(log, backup.source.timeline or 1, start=start, stop=stop)
    if found is None:
        raise Refused(
            f"{backup.id} is of timeline {backup.source.timeline or 1}, from which timeline {log.newest} does not "
            "descend",
            next_step="restore it alone, by its id",
        )
    return found


def way_from(log: Log, own: int, *, start: int, stop: int) -> Way | None:
    """The log that is read from `start` on and has to go on behind `stop`, both on timeline `own`, to the newest
    timeline's end; None when that does not descend from there. Raises Corrupt when it cannot be known."""
    timelines: list[tuple[int, int | None]] = [(log.newest, None)]
    if own != log.newest:
        line = [each for each in log.ancestors(log.newest) if each.timeline >= own]
        if not line or line[0].timeline != own or line[0].position < stop:
            return None
        timelines = [*((each.timeline, each.position) for each in line), (log.newest, None)]
    held: list[Held] = []
    for number, end in timelines:
        for piece in log.pieces.get(number, ()):
            last = piece.end if end is None else min(piece.end, end)
            if last > max(piece.start, segment_start(start, log.segment_bytes)):
                held.append(Held(piece, piece.start, last))
    held.sort(key=lambda each: each.start)
    covered = runs([Run(each.start, each.end) for each in held])
    end = reached(stop, covered)
    later = [run.start for run in covered if run.start > end]
    hole = Run(end, later[0]) if later else None
    return Way(timelines=tuple(timelines), held=held, end=end, hole=hole, segment_bytes=log.segment_bytes)
