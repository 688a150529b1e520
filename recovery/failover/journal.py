"""The journal of a run: what was decided, meant and seen, one entry a line, each sealed with the digest of the one
before. It is written before the next thing happens, so whoever reads it can go on where it ends."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, cast

from recovery.errors import Corrupt

# begin: the run starts, with what was found. intent: an effect comes next. done: a step's end, as observed.
# stop: the run ended early and says why. heal: after its end effects were found undone; those steps are open again.
# given_up: what it had begun was taken back, and nobody goes on with it.
Kind = Literal["begin", "intent", "done", "stop", "heal", "given_up"]
KINDS: tuple[Kind, ...] = ("begin", "intent", "done", "stop", "heal", "given_up")
_ROOT = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line. `data` holds JSON values only."""

    number: int
    run: str
    at: str  # ISO 8601, UTC
    kind: Kind
    step: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    previous: str = _ROOT
    digest: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "number": self.number,
            "run": self.run,
            "at": self.at,
            "kind": self.kind,
            "step": self.step,
            "data": dict(self.data),
            "previous": self.previous,
            "digest": self.digest,
        }

    def to_line(self) -> bytes:
        """The line in the file."""
        return json.dumps(self.as_dict(), sort_keys=True).encode() + b"\n"


def seal(
    before: Sequence[Entry], *, run: str, at: datetime, kind: Kind, step: str, data: Mapping[str, Any] | None = None
) -> Entry:
    """The entry that follows `before`."""
    bare = Entry(
        number=len(before),
        run=run,
        at=at.isoformat(timespec="milliseconds"),
        kind=kind,
        step=step,
        data=json.loads(json.dumps(dict(data or {}), default=str)),
        previous=before[-1].digest if before else _ROOT,
    )
    return _sealed(bare)


def read_entries(values: Sequence[Mapping[str, Any]], *, source: str) -> tuple[Entry, ...]:
    """Entries from their JSON forms. Raises Corrupt naming the first that does not follow from the one before."""
    entries: list[Entry] = []
    for value in values:
        entry = _parse(value)
        if entry is None or not _follows(entry, entries):
            raise Corrupt(
                f"{source}: entry {len(entries)} was altered or is missing",
                next_step="do not trust this journal: look at `dr status`, and move the file away to start a new run",
            )
        entries.append(entry)
    return tuple(entries)


def read_lines(body: bytes, *, source: str) -> tuple[tuple[Entry, ...], int]:
    """Entries of a file, and how many bytes of it are whole.

    A torn last line is what a crash leaves: it is left out, since the effect it announces never began. Damage before
    the last line is no crash and raises Corrupt.
    """
    end = body.rfind(b"\n") + 1
    lines = body[:end].splitlines()
    values: list[Mapping[str, Any]] = []
    for index, line in enumerate(lines):
        value = _json(line)
        if value is None and index == len(lines) - 1:
            end -= len(line) + 1
            break
        values.append(value or {})
    return read_entries(values, source=source), end


def merge(local: Sequence[Entry], table: Sequence[Entry]) -> tuple[Entry, ...]:
    """What really happened, from the local file and the control table.

    An entry's effect begins only when both have it. So the longer one counts if one continues the other; where they
    part, the table does, because another machine went on from there.
    """
    shared = min(len(local), len(table))
    same = all(mine.digest == theirs.digest for mine, theirs in zip(local[:shared], table[:shared], strict=True))
    if not same or len(table) >= len(local):
        return tuple(table)
    return tuple(local)


def _sealed(bare: Entry) -> Entry:
    value = bare.as_dict()
    del value["digest"]
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return replace(bare, digest=digest)


def _follows(entry: Entry, before: Sequence[Entry]) -> bool:
    last = before[-1] if before else None
    return (
        entry.number == len(before)
        and entry.previous == (last.digest if last else _ROOT)
        and (last is None or entry.run == last.run)
        and _sealed(entry).digest == entry.digest
    )


def _parse(value: Mapping[str, Any]) -> Entry | None:
    try:
        entry = Entry(**value)
    except TypeError:
        return None
    data: object = entry.data
    return entry if entry.kind in KINDS and isinstance(data, dict) else None


def _json(line: bytes) -> dict[str, Any] | None:
    try:
        value: object = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
