"""A bucket that keeps older versions: what they are, and bringing one back without ending any."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object, or a delete marker. `id` is "null" for what was stored before the bucket kept versions;
    `modified`: in whole seconds, of an upload in parts when it was begun. `storage` is S3's name for its class."""

    key: str
    id: str
    modified: datetime
    bytes: int = 0
    etag: str = ""
    marker: bool = False
    storage: str = "STANDARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the head of a version says. `checksums`: of the whole content, by algorithm; `properties`: everything that
    is served with it and is no content, its own metadata included."""

    bytes: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict[str, str])
    properties: Mapping[str, str] = field(default_factory=dict[str, str])


class VersionedBucket(Protocol):
    """A bucket of somebody else's, whose older versions are there as long as its own lifecycle leaves them."""

    bucket: str
    region: str

    def versions(self, prefix: str) -> Iterator[Version]:
        """All below `prefix`, in key order; of a key the newest first. A page is held, never more."""
        ...

    def describe(self, version: Version) -> Described | None:
        """None for a version whose head cannot be had: its key is not S3's to use, or it went away."""
        ...

    def bring_back(self, version: Version, source: "VersionedBucket") -> None:
        """Make a copy of `version`, which is in `source`, the current one here: content, metadata, tags. Nothing passes
        through us. Raises Refused, Unreachable."""
        ...

    def unhide(self, markers: Sequence[Version]) -> Sequence[Version]:
        """Take delete markers away, at most 1,000; those that S3 does not let us take away are returned."""
        ...

    def hide(self, key: str) -> None:
        """Place a delete marker; nothing is destroyed."""
        ...

    def time(self) -> datetime:
        """The store's own clock."""
        ...
