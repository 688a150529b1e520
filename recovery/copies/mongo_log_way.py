"""What a restore of MongoDB to some point begins with and replays: one dump and the log after it, or why there is none.

Positions are cluster times as one number, and a point is everything before one. A dump was read while the database
changed: it is of one moment only when the log from its start to its stop has been replayed onto it, and it serves from
there on. It is followed in its own line alone: after a takeover or a restore another history began, with its own dump.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recovery.copies.log_times import parse_place, place, shown
from recovery.copies.manifest import Manifest
from recovery.copies.mongo_log import Covered, Gap, Held, Line, chain
from recovery.copies.mongo_log_position import MongoLogPosition
from recovery.copies.recovery_target import Target
from recovery.errors import Corrupt, Refused


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for: everything before `position`, or what a dump shows alone, or all that there is."""

    text: str
    position: int | None = None
    backup: str = ""
    time: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """Raises Refused for what is neither `latest`, a cluster time, a dump's id, nor a time with a time zone.

        A cluster time takes what happened at it. Of a time, what happened within its second is left out: cluster times
        only count there.
        """
        try:
            return cls(text=text, position=parse_place(text) + 1)
        except ValueError:
            pass
        target = Target.parse(text)
        if target.position is not None:
            raise Refused(
                f"{text} is a position in PostgreSQL's log",
                next_step="name latest, a dump's id (`dr backups`), a cluster time (1796060939.5), or a time with its "
                "zone",
            )
        if target.time is None:
            return cls(text=text, backup=target.backup)
        return cls(text=text, position=place(int(target.time.timestamp())), time=target.time)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where a dump and the log after it lead: any point in [`start`, `end`]; or `problem`, why nowhere."""

    backup: Manifest
    start: int
    end: int = 0
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Begin with `backup` and replay `held`, which is all from its start up to `position`."""

    backup: Manifest
    position: int
    held: Sequence[Held]

    @property
    def settled(self) -> int:
        """From where on the dump is of one moment."""
        return settled(self.backup)


def needs(backup: Manifest) -> int:
    """From where on a dump needs the log: it has everything up to its start."""
    return parse_place(backup.start_position) + 1


def settled(backup: Manifest) -> int:
    """From where on it is of one moment: behind everything that its last read may have seen."""
    return parse_place(backup.stop_position) + 1


def line_of(backup: Manifest) -> Line:
    """Whose log goes on from a dump."""
    return Line(backup.source.epoch, backup.source.system_identifier)


def reach_of(backup: Manifest, covered: Covered | None) -> Reach:
    """Where `backup` leads. `covered`: what there is of its line."""
    start, stop = needs(backup), settled(backup)
    if covered is None:
        return Reach(backup=backup, start=stop, problem="there is no log of its server and epoch")
    end = covered.end_from(start)
    if end is None:
        return Reach(backup=backup, start=stop, problem=f"the log does not hold {shown(start)}, where it began")
    if end < stop:
        return Reach(
            backup=backup, start=stop, problem=f"the log ends at {shown(end)}, before it did, at {shown(stop)}"
        )
    return Reach(backup=backup, start=stop, end=end)


def window(known: Iterable[Reach]) -> str:
    """From where to where can be restored, one line for each stretch without a hole, for people."""
    first: dict[int, int] = {}
    for each in known:
        if not each.problem:
            first[each.end] = min(first.get(each.end, each.start), each.start)
    if not first:
        return "nothing can be restored to a point: no dump has a log that leads on from it"
    lines = [f"  from {shown(start)} to {shown(end)}" for end, start in sorted(first.items())]
    return "\n".join(["what can be restored:", *lines])


def choose(wanted: Wanted, known: Sequence[Reach], covered: Sequence[Covered]) -> Choice:
    """The dump with the least log to replay; of a higher epoch first, since what a site wrote after it had lost the
    lease is nobody's data. Raises Refused, with the window, for what cannot be reached (fault 55)."""
    usable = [each for each in known if not each.problem]
    usable.sort(key=lambda each: (each.backup.source.epoch, each.start))
    shows = window(known)
    if wanted.backup:
        found = next((each for each in known if each.backup.id == wanted.backup), None)
        if found is None:
            raise Refused(f"there is no dump {wanted.backup}", next_step=f"`dr backups` lists them; {shows}")
        if found.problem:
            raise Refused(f"{wanted.backup} is of no single moment: {found.problem}", next_step=shows)
        return _choice(found, found.start, covered)
    if not usable:
        problems = "; ".join(f"{each.backup.id}: {each.problem}" for each in known[-3:]) or "there is no dump"
        raise Refused(f"{wanted.text} cannot be reached: {problems}", next_step=shows)
    if wanted.position is None:
        return _choice(usable[-1], usable[-1].end, covered)
    position = wanted.position
    serving = [each for each in usable if each.start <= position <= each.end]
    if serving:
        return _choice(serving[-1], position, covered)
    if position < min(each.start for each in usable):
        raise Refused(f"{wanted.text} is before the end of the oldest dump", next_step=shows)
    if position > max(each.end for each in usable):
        raise Refused(f"{wanted.text} is after the end of the log", next_step=shows)
    raise Refused(f"{wanted.text} lies where the log has a hole or a gap", next_step=shows)


def _choice(reach: Reach, position: int, covered: Sequence[Covered]) -> Choice:
    line, start = line_of(reach.backup), needs(reach.backup)
    mine = next(each for each in covered if each.line == line)
    held = chain(mine.pieces, start, position)
    end = held[-1].end if held else start
    if end < position and any(each.start > end for each in mine.pieces if each.start < position):
        raise Corrupt(f"the log has a hole after {shown(end)}", next_step="name an earlier point")
    return Choice(backup=reach.backup, position=position, held=held)


def open_gaps(gaps: Iterable[Gap], full: Manifest | None) -> tuple[Gap, ...]:
    """Those after which nothing can be restored: a gap is over once a dump has begun after it, or an epoch or server
    has. `full`: the newest."""
    if full is None:
        return tuple(gaps)
    line, begun = line_of(full), needs(full)
    return tuple(gap for gap in gaps if gap.line == line and begun < gap.end)


def begins_late(position: MongoLogPosition | None, full: Manifest) -> bool:
    """Whether the log of the dump's epoch begins after the dump did, or is another server's, so that nothing leads on
    from it."""
    if position is None or position.epoch != full.source.epoch:
        return False
    return position.line != line_of(full) or needs(full) < position.start


def lost_since(full: Manifest, position: MongoLogPosition | None, gaps: Iterable[Gap]) -> str:
    """Of a log that is at `position`: why some moment after `full` began cannot be restored; empty when all can."""
    for gap in open_gaps(gaps, full):
        return f"the log cannot be replayed from {shown(gap.start)} to {shown(gap.end)}, and no dump is newer"
    if begins_late(position, full):
        assert position is not None  # noqa: S101  (for the type checker)
        if position.line != line_of(full):
            return f"the log is of server {position.source}, the newest dump of {full.source.system_identifier}"
        return f"the log begins at {shown(position.start)}, after the newest dump ({full.start_position})"
    return ""
