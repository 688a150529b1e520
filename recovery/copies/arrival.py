"""Whether everything that a manifest promises is there.

S3 replicates object by object, in no order: in the DR bucket the small manifest is there long before the parts.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.copies.manifest import Manifest
from recovery.measured import REPLICATION_MINUTES
from recovery.units import read_duration

PROMISED = timedelta(minutes=REPLICATION_MINUTES.value)
"""S3 has copied an object by then, counted from when it was written."""
_MARGIN = timedelta(minutes=15)  # the promise is about 99.9 % of objects, and clocks differ


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A backup that is not all there: `missing` are keys of parts that its bucket does not hold, `changed` of those
    that it holds with another size."""

    manifest: Manifest
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    def lost(self, now: datetime) -> bool:
        """Whether waiting does not help: an object has another size, or is missing beyond the promise and a margin."""
        return bool(self.changed) or now - self.manifest.finished > PROMISED + _MARGIN

    def words(self, now: datetime) -> str:
        """What is not there, in one sentence."""
        total, names = len(self.manifest.parts), [key.rpartition("/")[2] for key in (*self.changed, *self.missing)]
        ago = f"it finished {read_duration(max(now - self.manifest.finished, timedelta()))} ago"
        if self.changed:
            return f"damaged: {names[0]} has another size than its manifest says"
        some = f"{len(self.missing)} of {total} objects ({names[0]}{', …' if len(names) > 1 else ''})"
        if self.lost(now):
            return f"incomplete: {some} never arrived; {ago}, and S3 promises {read_duration(PROMISED)}"
        return f"arriving: {some} not there yet; {ago}"


def arrival(manifest: Manifest, sizes: Mapping[str, int]) -> Arrival | None:
    """None when every part is among `sizes`, the bucket's objects by key, with its size in bytes."""
    missing = tuple(part.key for part in manifest.parts if part.key not in sizes)
    changed = tuple(part.key for part in manifest.parts if sizes.get(part.key, part.bytes) != part.bytes)
    return Arrival(manifest=manifest, missing=missing, changed=changed) if missing or changed else None
