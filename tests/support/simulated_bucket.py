"""A versioned, locked bucket under lifecycle rules, a day at a time: what retention is simulated on.

Lifecycle acts at the midnight (UTC) after the day it counts to.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#intro-lifecycle-rules-number-of-days
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.lifecycle_oracle import S3Rule

DAY = timedelta(days=1)
COLD = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(slots=True, eq=False)
class Version:
    """One object; its key is written once. `hidden`: when a delete marker was placed on it."""

    key: str
    bytes: int
    put: datetime
    locked_until: datetime | None
    storage: str = "STANDARD"
    hidden: datetime | None = None
    removed: datetime | None = None

    def locked(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now


@dataclass(frozen=True)
class _Actions:
    """What the rules do to one kind of key."""

    ends: int | None
    noncurrent: int | None
    moves: tuple[tuple[int, str], ...]


@dataclass(eq=False)
class Bucket:
    """`hid`, `moved` and `removed` hear of what lifecycle does by itself."""

    rules: Sequence[S3Rule]
    hid: Callable[[Version, datetime], None]
    moved: Callable[[Version, datetime], None]
    removed: Callable[[Version, datetime], None]
    versions: dict[str, Version] = field(default_factory=dict)
    _due: list[tuple[datetime, int, str, Version]] = field(default_factory=list)
    _known: dict[tuple[str, int], _Actions] = field(default_factory=dict)
    _count: int = 0

    def put(self, key: str, size: int, now: datetime, locked_until: datetime | None) -> None:
        assert key not in self.versions
        version = self.versions[key] = Version(key, size, now, locked_until)
        actions = self._actions(version)
        for days, storage in actions.moves:
            self._later(version, storage, now, days)
        if actions.ends is not None:
            self._later(version, "hide", now, actions.ends)

    def place_delete_marker(self, key: str, now: datetime) -> None:
        """Always possible, also on a locked version."""
        version = self.versions[key]
        version.hidden = now
        days = self._actions(version).noncurrent
        if days is not None:
            self._later(version, "remove", now, days)

    def delete_version(self, key: str, now: datetime) -> bool:
        """Whether S3 would let it happen."""
        version = self.versions[key]
        return version.removed is None and not version.locked(now)

    def run_lifecycle(self, now: datetime) -> None:
        while self._due and self._due[0][0] <= now:
            when, _, action, version = heapq.heappop(self._due)
            if action == "remove":
                if version.locked(when):
                    self._later(version, action, version.locked_until or when, 0)
                else:
                    version.removed = when
                    self.removed(version, when)
            elif version.hidden is None and action == "hide":
                self.place_delete_marker(version.key, when)
                self.hid(version, when)
            elif version.hidden is None:
                version.storage = action
                self.moved(version, when)

    def _later(self, version: Version, action: str, start: datetime, days: int) -> None:
        due = start + days * DAY
        midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
        self._count += 1
        heapq.heappush(self._due, (midnight if midnight == due else midnight + DAY, self._count, action, version))

    def _actions(self, version: Version) -> _Actions:
        """S3 lets the earlier end win. The rules' prefixes are of dataset and kind, or of everything."""
        name = ("/".join(version.key.split("/")[:2]) + "/", version.bytes)
        if name not in self._known:
            ends: list[int] = []
            noncurrent: list[int] = []
            moves: list[tuple[int, str]] = []
            for rule in self.rules:
                chosen = {**rule["Filter"], **rule["Filter"].get("And", {})}
                if not name[0].startswith(chosen["Prefix"]) or name[1] <= chosen.get("ObjectSizeGreaterThan", -1):
                    continue
                ends += [rule["Expiration"]["Days"]] if "Days" in rule.get("Expiration", {}) else []
                if "NoncurrentVersionExpiration" in rule:
                    noncurrent.append(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
                moves += [(move["Days"], move["StorageClass"]) for move in rule.get("Transitions", ())]
            found = _Actions(min(ends, default=None), min(noncurrent, default=None), tuple(moves))
            self._known[name] = found
        return self._known[name]
