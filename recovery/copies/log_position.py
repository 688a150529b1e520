"""How far PostgreSQL's log is in the bucket, and where a shipper goes on. Pure rules.

The position, one an epoch of the lease, lies beside the pointers to the newest backups. It makes asking how far the log
is cheap, however old the log: all before `end` is in whole segments, and only what comes after has to be listed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self, cast

from recovery.copies.log import Line, Switch, segment_start
from recovery.errors import Corrupt
from recovery.names import pointer_key, pointer_prefix

POSITIONS = pointer_prefix("postgres", "log")


@dataclass(frozen=True, kw_only=True)
class LogPosition:
    """A line of the log. [`start`, `end`) is there without a hole, in whole locked segments; what has come
    since lies in ranges. `at`: when this was written.

    No model of the plan's kind: the shipper has nothing else of those loaded (ADR 33).
    """

    epoch: int
    system: str
    timeline: int
    segment_bytes: int
    start: int
    end: int
    at: datetime

    @property
    def line(self) -> Line:
        """Whose it is."""
        return Line(self.epoch, self.system, self.timeline)

    @property
    def key(self) -> str:
        """The object's key: one an epoch, so that a fenced site moves only its own."""
        return pointer_key("postgres", "log", self.epoch)

    def may_follow(self, current: "LogPosition") -> bool:
        """Whether this one may take the place of `current`: never with a lower epoch, never backwards."""
        return (self.epoch, self.timeline, self.end) >= (current.epoch, current.timeline, current.end)

    def to_json(self) -> bytes:
        """The object's content."""
        return json.dumps(asdict(self) | {"at": self.at.isoformat()}, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, *, key: str) -> Self:
        """Read it. Raises Corrupt naming `key` when it is none."""
        try:
            found: Any = json.loads(body)
            said = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
            if wrong := _wrong(said):
                raise ValueError(wrong)  # noqa: TRY301
            said["at"] = datetime.fromisoformat(said["at"])
            return cls(**said)
        except ValueError as error:
            raise Corrupt(
                f"{key} is not the log's position: {error}",
                next_step="find out who wrote this object and bring its last version back; the log itself is elsewhere",
            ) from None


_LEAST = {"epoch": 0, "timeline": 1, "segment_bytes": 1, "start": 0, "end": 0}


def _wrong(said: dict[str, Any]) -> str:
    """What keeps it from being a position; empty when nothing does."""
    names = [each.name for each in fields(LogPosition)]
    if sorted(said) != sorted(names):
        return f"it has to be an object with {', '.join(names)}"
    for name, least in _LEAST.items():
        if type(said[name]) is not int or said[name] < least:
            return f"{name} is no number of at least {least}"
    if not isinstance(said["system"], str) or not re.fullmatch("[0-9]{1,20}", said["system"]):
        return "system is no system identifier"
    if not isinstance(said["at"], str) or datetime.fromisoformat(said["at"]).tzinfo is None:
        return "at is no time with its zone"
    return ""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a shipper begins to read: a timeline and a position."""

    timeline: int
    position: int


def go_on(
    timeline: int, ancestors: Sequence[Switch], ends: Mapping[int, int], *, fresh: int, segment_bytes: int
) -> Start:
    """Where a server with this timeline has to be read from, so that the bucket's log gets no hole.

    `ancestors` are the timeline's, the oldest first; `ends`: by timeline, how far the bucket has its log. An ancestor's
    log is read up to the switch; the next timeline from the beginning of the segment with the switch, which its own
    file repeats. With nothing of this history in the bucket, reading begins at `fresh`.
    """
    newer = timeline
    if timeline in ends:
        return Start(timeline, ends[timeline])
    for switch in reversed(ancestors):
        if switch.timeline in ends:
            if ends[switch.timeline] < switch.position:
                return Start(switch.timeline, ends[switch.timeline])
            return Start(newer, segment_start(switch.position, segment_bytes))
        newer = switch.timeline
    return Start(timeline, fresh)
