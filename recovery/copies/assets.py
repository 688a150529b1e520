"""Static assets as of a time: which version of a key was current then, and what brings it back. Pure.

S3 stamps versions in whole seconds, and those uploaded in parts with the second in which the upload was begun.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html (Last-Modified)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Literal

from recovery.copies.recovery_target import Target
from recovery.errors import Refused
from recovery.ports.versions import Described, Version

NULL = "null"
"""The id of every version that was stored before its bucket kept versions, or while it had stopped to."""
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
Kind = Literal["copy", "unhide", "hide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What makes a key what it was: `copy` makes `version` the current one again, `unhide` takes the `markers` above it
    away, `hide` places one. `current`: what is there now, None when nothing ever was."""

    key: str
    kind: Kind
    version: Version | None = None
    markers: tuple[Version, ...] = ()
    current: Version | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether what is there may be the same under another id: it was uploaded or brought back again."""
        now, then = self.current, self.version
        return self.kind == "copy" and bool(now and then and not now.marker and now.bytes == then.bytes)


def moment(to: str | None, now: datetime) -> datetime:
    """The time of `--to`. Raises Refused for anything else, and for a time that is not over by S3's clock, `now`."""
    target = Target.parse(to) if to else None
    if target is None or target.time is None:
        raise Refused(
            "assets are brought back to a time, which nobody can guess",
            next_step="name the last second before the damage: --to 2026-11-30T12:00:00+05:00; without --execute it "
            "shows when the changes since then began",
        )
    if target.time >= now:
        raise Refused(f"{target.text} is not over yet", next_step="name an earlier time")
    return target.time


def by_key(listed: Iterable[Version]) -> Iterator[tuple[str, list[Version]]]:
    """A listing, key by key, each newest first."""
    for key, versions in groupby(listed, key=lambda each: each.key):
        yield key, stack([*versions])


def stack(listed: list[Version]) -> list[Version]:
    """A key's versions with the newest first, as S3 lists them. Only one that was uploaded in parts may lie above one
    that looks newer: it was begun before that. Where another does, the store lists delete markers apart from versions,
    as stores in S3's place do, and the times decide."""
    for above, below in pairwise(listed):
        if above.modified < below.modified and "-" not in above.etag:
            return sorted(listed, key=lambda each: each.modified, reverse=True)
    return listed


def current_at(versions: Sequence[Version], time: datetime) -> Version | None:
    """What was current at the end of the second `time`: a version, a marker, or None when there was nothing.

    A version is no older than what lies below it, whatever its own time says: so an upload in parts that was begun
    before `time` and ended after a later version was not there yet.
    """
    found: Version | None = None
    reached: datetime | None = None
    for each in reversed(versions):
        reached = max(reached, each.modified) if reached else each.modified
        if reached.replace(microsecond=0) <= time:
            found = each
    return found


def change(key: str, then: Version | None, now: Sequence[Version]) -> Change | None:
    """What has to be done so that `then` is current, where the versions `now` are; None when it is."""
    current = now[0] if now else None
    gone = current is None or current.marker
    if then is None or then.marker:
        return None if gone else Change(key=key, kind="hide", current=current)
    if current is not None and _is(current, then):
        return None
    markers: list[Version] = []
    for each in now:
        if not each.marker:
            if markers and _is(each, then):
                return Change(key=key, kind="unhide", version=then, markers=tuple(markers), current=current)
            break
        markers.append(each)
    return Change(key=key, kind="copy", version=then, current=current)


def same(one: Described | None, other: Described | None) -> bool:
    """Whether two versions are the same to whoever reads them. What cannot be known counts as no: it is copied again.

    Under a KMS key no ETag is a checksum, and a copy of what came in parts has another one.
    """
    if one is None or other is None or one.bytes != other.bytes or one.properties != other.properties:
        return False
    both = one.checksums.keys() & other.checksums.keys()
    if both:
        return all(one.checksums[each] == other.checksums[each] for each in both)
    return bool(one.etag) and one.etag == other.etag


def _is(one: Version, other: Version) -> bool:
    """Whether they are one version, or S3's replica of it, which keeps its id. Of null ones there are many."""
    if NULL in (one.id, other.id):
        return one == other
    return one.id == other.id
