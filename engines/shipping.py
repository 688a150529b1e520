"""What following a dataset's log of changes is, whatever the dataset.

The lease, and going on after an end, are the same for all and no engine's work: `operations.copies.ship_log`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from recovery.errors import Corrupt, DrError
from recovery.lease.lease import Lease
from recovery.ports.buckets import LogBucket, ObjectStore

if TYPE_CHECKING:  # what a shipper's process does not need (ADR 33)
    from recovery.copies.log_days import LogDays
    from recovery.copies.manifest import Manifest
    from recovery.plan.datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class Terms:
    """`every`: how long a byte of the log may wait to be sent; `lock`: how long the log is locked for. `section`: what
    the plan says about the dataset; `environment`: the variables by which its source is found."""

    every: timedelta
    lock: timedelta
    section: "Dataset | None" = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Who is told what, in words: what goes on, and what does not work and is tried again."""

    says: Callable[[str], None] = lambda _: None
    trouble: Callable[[DrError], None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class HeldLog:
    """What a bucket holds of a log, for the pruner. `needed_from`: the position from which on a backup needs it; raises
    ValueError for a backup that says none."""

    days: "LogDays"
    needed_from: "Callable[[Manifest], int]"


class OtherBytes(Corrupt):
    """The same place of the log is in the bucket with another content: two histories under one name."""


class Log(Protocol):
    """How a dataset's log is followed."""

    dataset: str
    reads_section: bool
    """Whether it asks `Terms.section` for anything."""

    def ship(
        self,
        store: LogBucket,
        lease: Lease,
        terms: Terms,
        *,
        clock: Callable[[], datetime],
        heard: Heard,
        stop: Callable[[], bool],
    ) -> None:
        """One session with the source that the environment names: ship from where the bucket's log ends until the
        source ends it or `stop` says so. All that is written carries the lease's epoch.

        Raises Refused for a source that must not be shipped from, LeaseRefused when another shipper has taken over,
        OtherBytes, Unreachable when the session is lost."""
        ...

    def lost_since(self, full: "Manifest", store: ObjectStore) -> str:
        """Why some moment after the full backup began cannot be restored, in words: the log that leads there is in no
        copy. Empty when none is known to be lost. Raises Unreachable, Refused, Corrupt."""
        ...

    def held(self, store: ObjectStore) -> HeldLog:
        """All of it that is in the bucket. Raises Unreachable, Refused, Corrupt."""
        ...
