"""What a restore to some point begins with and replays: one backup and the log after it, or why there is none.

Positions are LSNs in bytes. A backup is usable from its stop position on; the log is followed over timelines, each up
to where the next one left it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recovery.copies.log_way import Log, Way, way
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt, Refused
from recovery.lease.lease import format_lsn, parse_lsn

LATEST = "latest"
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
_BACKUP = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]+")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What was asked for; one of these, or the newest that there is."""

    text: str
    time: datetime | None = None
    position: int | None = None
    backup: str = ""

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Raises Refused for what is neither `latest`, an LSN, a backup's id, nor a time with a time zone."""
        if text == LATEST:
            return cls(text=text)
        if _LSN.fullmatch(text):
            return cls(text=text, position=parse_lsn(text))
        if _BACKUP.fullmatch(text):
            return cls(text=text, backup=text)
        advice = "name latest, an LSN (0/3000148), a backup's id (`dr backups`), or a time: 2026-11-30T12:00:00+05:00"
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise Refused(f"{text!r} is no point to restore to", next_step=advice) from None
        if time.tzinfo is None:
            raise Refused(
                f"{text} has no time zone, so it is no moment",
                next_step=f"write {text}Z for UTC, or {text}+05:00 for Tashkent",
            )
        return cls(text=text, time=time)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Begin with `backup`; then replay the log on `way` before the first record at or beyond `position` (None: to the
    way's end). Without a way the backup is restored alone. `below`: what an incremental one builds on, its full
    first."""

    backup: Manifest
    way: Way | None = None
    position: int | None = None
    below: tuple[Manifest, ...] = ()

    @property
    def chain(self) -> tuple[Manifest, ...]:
        """All backups that are needed, the last of them `backup`."""
        return (*self.below, self.backup)

    @property
    def end(self) -> int:
        """How far the log is needed."""
        stop = parse_lsn(self.backup.stop_position)
        return stop if self.way is None else max(stop, self.way.end if self.position is None else self.position)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where a backup and the log after it lead, or `problem`, why nowhere."""

    backup: Manifest
    way: Way | None = None
    problem: str = ""

    @property
    def start(self) -> int:
        """The first position that can be restored with it."""
        return parse_lsn(self.backup.stop_position)


def reaches(backups: Iterable[Manifest], log: Log | None) -> list[Reach]:
    """Of every backup, the oldest first."""
    found: list[Reach] = []
    for each in sorted(backups, key=lambda each: (parse_lsn(each.stop_position), each.finished)):
        try:
            found.append(Reach(backup=each, way=way(each, log) if log else None))
        except (Refused, Corrupt) as error:
            found.append(Reach(backup=each, problem=error.what))
    return found


def window(known: Sequence[Reach], last_commit: datetime | None = None) -> str:
    """From where to where can be restored, one line for each stretch without a hole, for people."""
    first: dict[int, Reach] = {}
    for each in known:
        if each.way is not None:
            first.setdefault(each.way.end, each)
    lines: list[str] = []
    newest = max(first, default=0)
    for end, each in sorted(first.items()):
        until = f", {last_commit:%Y-%m-%d %H:%M:%S} UTC" if last_commit and end == newest else ""
        begin = f"{each.backup.stop_position} ({each.backup.finished:%Y-%m-%d %H:%M:%S} UTC)"
        lines.append(f"  from {begin} to {format_lsn(end)}{f' (last commit{until})' if until else ''}")
    alone = [each.backup.id for each in known if each.way is None]
    if alone:
        lines.append(f"  and, alone, by id: {', '.join(alone[-5:])}")
    return "\n".join(["what can be restored:", *lines]) if lines else "nothing can be restored: there is no backup"


def choose(target: Target, known: Sequence[Reach]) -> Choice:
    """The backup with the least log to replay. `target.time` must have become a position.

    Raises Refused, with the window, for what cannot be reached (fault 55), and Corrupt for a hole in the log.
    """
    shown = window(known)
    if target.backup:
        for each in known:
            if each.backup.id == target.backup:
                return Choice(backup=each.backup)
        raise Refused(f"there is no backup {target.backup}", next_step=f"`dr backups` lists them; {shown}")
    usable = [each for each in known if each.way is not None]
    if not usable:
        if target.position is None and known and not any(each.problem for each in known):
            return Choice(backup=known[-1].backup)  # there is no log at all
        problems = "; ".join(each.problem for each in known if each.problem) or "no log and no backup"
        raise Refused(f"{target.text} cannot be reached: {problems}", next_step=shown)
    if target.position is None:
        newest = usable[-1]
        assert newest.way is not None  # noqa: S101  (for the type checker)
        _require_whole(newest.way, newest.way.end + 1, shown)
        return Choice(backup=newest.backup, way=newest.way)
    position = target.position
    before = [each for each in usable if each.start <= position]
    if not before:
        raise Refused(f"{target.text} is before the end of the oldest backup", next_step=shown)
    best = before[-1]
    assert best.way is not None  # noqa: S101  (for the type checker)
    _require_whole(best.way, position, shown)
    if position > best.way.end:
        raise Refused(f"{target.text} is after the end of the log, {format_lsn(best.way.end)}", next_step=shown)
    if position == best.way.end:  # nothing behind it to stop at
        return Choice(backup=best.backup, way=best.way.until(position))
    return Choice(backup=best.backup, way=best.way, position=position)


def _require_whole(way: Way, position: int, shown: str) -> None:
    hole = way.hole
    if hole and hole.start < position:
        begin, end = format_lsn(hole.start), format_lsn(hole.end)
        raise Corrupt(
            f"the log has a hole: {begin} to {end} is missing, and it goes on after that",
            next_step=f"restore what is before it with --to {begin}, or a later backup; {shown}",
        )
