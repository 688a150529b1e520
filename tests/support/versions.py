"""A bucket that keeps older versions, in memory: its history is written with the times that a test wants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from recovery.errors import Refused
from recovery.ports.versions import Described, Version, VersionedBucket

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def at(seconds: int) -> datetime:
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


@dataclass
class FakeVersions:
    """VersionedBucket. `stacks`: a key's versions, the newest first; `contents` by version id; `keeps_markers`: nobody
    may take one away; `failing`: keys that cannot be brought back."""

    bucket: str = "shop"
    region: str = "us-east-1"
    stacks: dict[str, list[Version]] = field(default_factory=dict[str, list[Version]])
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    keeps_markers: bool = False
    failing: set[str] = field(default_factory=set[str])
    numbers: int = 0

    def put(self, key: str, content: bytes, seconds: int, **of: Any) -> Version:
        """A version stored so long after noon."""
        self.numbers += 1
        version = Version(
            **{
                "key": key,
                "id": f"{self.bucket}-{self.numbers}",
                "modified": at(seconds),
                "bytes": len(content),
                "etag": f'"{content.hex()[:16]}"',
                **of,
            }
        )
        self.contents[version.id] = content
        self.stacks.setdefault(key, []).insert(0, version)
        return version

    def delete(self, key: str, seconds: int) -> Version:
        """A delete marker."""
        return self.put(key, b"", seconds, marker=True)

    def current(self, key: str) -> bytes | None:
        """What customers get."""
        top = next(iter(self.stacks.get(key, ())), None)
        return None if top is None or top.marker else self.contents[top.id]

    def versions(self, prefix: str) -> Iterator[Version]:
        for key in sorted(self.stacks):
            if key.startswith(prefix):
                yield from self.stacks[key]

    def describe(self, version: Version) -> Described | None:
        self.calls.append(("describe", version.key))
        content = self.contents.get(version.id)
        return None if content is None else Described(bytes=len(content), etag="", checksums={"CRC": content.hex()})

    def bring_back(self, version: Version, source: VersionedBucket) -> None:
        self.calls.append(("copy", version.key))
        if version.key in self.failing:
            raise Refused(f"no copy of {version.key}")
        assert isinstance(source, FakeVersions)
        self.put(version.key, source.contents[version.id], 10_000)

    def unhide(self, markers: Sequence[Version]) -> Sequence[Version]:
        self.calls += [("unhide", each.key) for each in markers]
        if self.keeps_markers:
            return markers
        gone = {each.id for each in markers}
        assert all(each.marker for stack in self.stacks.values() for each in stack if each.id in gone)
        self.stacks = {key: [each for each in stack if each.id not in gone] for key, stack in self.stacks.items()}
        return []

    def hide(self, key: str) -> None:
        self.calls.append(("hide", key))
        self.delete(key, 10_000)

    def time(self) -> datetime:
        return at(20_000)

    def replica(self) -> "FakeVersions":
        """As S3 copies it: with the versions' ids and times, without delete markers."""
        copy = FakeVersions(bucket="copy", region="us-west-2", contents=dict(self.contents))
        for key, stack in self.stacks.items():
            if kept := [replace(each) for each in stack if not each.marker]:
                copy.stacks[key] = kept
        return copy
