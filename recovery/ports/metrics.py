"""Where findings are published, and what S3 publishes of its copying."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class MetricSink(Protocol):
    """Where levels of findings are published, in one region."""

    @property
    def region(self) -> str:
        """Of the metrics, and of the alarms on them."""
        ...

    def put(self, levels: Mapping[str, int]) -> None:
        """One value for each name. Raises Unreachable."""


@dataclass(frozen=True, kw_only=True)
class ReplicationSeen:
    """How S3's copying of a bucket stands. `problem`: why nothing is copied, empty when the rule is there; `failed`: on
    how much S3 gave up of late, the last time at `failed_at`; `pending`, `pending_bytes` and `behind` (seconds): what
    waits, None when nothing was heard of late."""

    problem: str = ""
    failed: int = 0
    failed_at: datetime | None = None
    pending: float | None = None
    pending_bytes: float | None = None
    behind: float | None = None


class ReplicationSource(Protocol):
    """A bucket that S3 copies to another region."""

    bucket: str

    def seen(self, now: datetime) -> ReplicationSeen:
        """Raises Unreachable, Refused."""
        ...
