"""What a restore needs that lies in S3's archive classes: it must be retrieved before it can be read (fault 56)."""

from collections.abc import Sequence
from dataclasses import dataclass

from recovery.measured import GLACIER_RETRIEVAL_HOURS
from recovery.ports.buckets import StoredObject

ARCHIVE_CLASSES = ("GLACIER", "DEEP_ARCHIVE")
KEPT_DAYS = 7
"""How long a retrieved copy stays readable: a restore that is tried twice, by people, in office hours."""


@dataclass(frozen=True, kw_only=True)
class Archived:
    """Objects that cannot be read now: nobody asked for `unasked`, and `coming` are on their way."""

    unasked: tuple[StoredObject, ...] = ()
    coming: tuple[StoredObject, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.unasked or self.coming)

    def words(self) -> str:
        """For people: how much, and how long it takes."""
        found: list[str] = []
        hours = f"{GLACIER_RETRIEVAL_HOURS.value:g} h"
        if self.unasked:
            found.append(f"{_amount(self.unasked)} in an archive class of S3; to retrieve takes up to {hours}")
        if self.coming:
            found.append(f"{_amount(self.coming)} being retrieved, up to {hours} from when they were asked for")
        return "; ".join(found)


def _amount(objects: Sequence[StoredObject]) -> str:
    return f"{len(objects):,} objects ({sum(each.bytes for each in objects):,} bytes) are"
