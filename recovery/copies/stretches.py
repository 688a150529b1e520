"""Stretches [start, end) of a log, whatever it counts in: what they cover together, and what is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Stretch(Protocol):
    """Anything that covers the positions from `start` up to `end`, without that one."""

    @property
    def start(self) -> int:
        """The first."""
        ...

    @property
    def end(self) -> int:
        """The one after the last."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """[start, end) without a hole."""

    start: int
    end: int


def runs(pieces: Iterable[Stretch]) -> list[Run]:
    """What `pieces` cover together, in order; they may overlap. All must be of one history."""
    found: list[Run] = []
    for piece in sorted(pieces, key=lambda each: each.start):
        if found and piece.start <= found[-1].end:
            found[-1] = Run(found[-1].start, max(found[-1].end, piece.end))
        else:
            found.append(Run(piece.start, piece.end))
    return found


def holes(pieces: Iterable[Stretch], start: int, end: int) -> list[Run]:
    """What of [start, end) `pieces` do not cover, in order."""
    found: list[Run] = []
    position = start
    for run in runs(pieces):
        if run.start >= end:
            break
        if run.start > position:
            found.append(Run(position, run.start))
        position = max(position, run.end)
    if position < end:
        found.append(Run(position, end))
    return found


def reached(base: int, pieces: Iterable[Stretch]) -> int:
    """How far log without a hole goes on from `base`."""
    return next((run.end for run in runs(pieces) if run.start <= base <= run.end), base)
