"""Which of a dataset's complete copies a restore to some moment takes. There is nothing between them to replay."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from recovery.copies.manifest import Manifest
from recovery.copies.recovery_target import Target
from recovery.errors import Refused
from recovery.units import read_duration


def moment_of(backup: Manifest) -> datetime:
    """What it shows: the moment its source said, else the end of its run, which is no earlier."""
    return backup.as_of or backup.finished


def require_moment(target: Target) -> None:
    """Raises Refused for a position: such a dataset has no log."""
    if target.position is not None:
        raise Refused(
            f"{target.text} is a position in PostgreSQL's log; this dataset has none",
            next_step="name latest, a backup's id (`dr backups`), or a time with its zone",
        )


def serves(target: Target, backup: Manifest) -> bool:
    """Whether it shows nothing later than what was asked for."""
    return target.time is None or moment_of(backup) <= target.time


def may_serve(target: Target, started: datetime) -> bool:
    """The same as far as it is known from when the copy was begun: what it shows is later than that."""
    return target.time is None or started <= target.time


def chosen(target: Target, usable: Sequence[Manifest], known: Sequence[Manifest]) -> Manifest:
    """Of complete copies the one that is named; else of the `known` ones the last that ended by then. A higher epoch
    wins: what a site wrote after it had lost the lease is nobody's data. Raises Refused, with what there is."""
    require_moment(target)
    named = [each for each in usable if each.id == target.backup]
    serving = named or [each for each in known if not target.backup and serves(target, each)]
    if not serving:
        raise unreachable(target, [each.started for each in known])
    return max(serving, key=lambda each: (each.source.epoch, moment_of(each)))


def unreachable(target: Target, started: Sequence[datetime]) -> Refused:
    """Why there is no copy for it."""
    if not started:
        return Refused(f"{target.text} cannot be reached: there is no backup", next_step="make one: `dr backup`")
    if target.backup:
        return Refused(f"there is no backup {target.backup}", next_step=f"`dr backups` lists them; {window(started)}")
    return Refused(f"{target.text} is before the oldest backup that is whole", next_step=window(started))


def window(started: Iterable[datetime]) -> str:
    """Between which moments copies were begun and where they are furthest apart, for people."""
    moments = sorted(started)
    if not moments:
        return "nothing can be restored: there is no backup"
    if len(moments) == 1:
        return f"what can be restored: {_words(moments[0])}"
    gap, until = max((later - earlier, later) for earlier, later in pairwise(moments))
    return (
        f"what can be restored: {len(moments):,} moments from {_words(moments[0])} to {_words(moments[-1])}\n"
        f"  at most {read_duration(gap)} apart, before {_words(until)}"
    )


def _words(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
