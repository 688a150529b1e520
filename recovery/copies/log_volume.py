"""How many objects a day PostgreSQL's log is, and what writing them costs.

Under a lock an object is paid for to the lock's end, so only whole segments are locked.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from recovery.copies.log import SEGMENT_BYTES
from recovery.measured import S3_WRITE_DOLLARS
from recovery.plan.plan import Plan

_WRITES_A_SEGMENT = 3  # itself, its lock, the position
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class LogVolume:
    """A day's: `ranges` at most, which are not locked; `segments`, which are; `dollars` for all that is written."""

    ranges: int
    segments: int
    dollars: float


def log_volume(plan: Plan) -> LogVolume:
    """As the plan cuts it, with as much log as it assumes."""
    ranges = _DAY // plan.datasets.postgres.log.every
    segments = math.ceil(plan.assumptions.log_per_day.postgres / SEGMENT_BYTES)
    return LogVolume(
        ranges=ranges, segments=segments, dollars=(ranges + _WRITES_A_SEGMENT * segments) * S3_WRITE_DOLLARS.value
    )
