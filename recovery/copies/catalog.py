"""The catalog as the pruner sees it: what one bucket holds, without the bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recovery.copies.manifest import Manifest
from recovery.plan.sites import SiteName


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One folder of the bucket: a backup, or one UTC day of a log, which is the unit that logs are pruned by.

    `parent` is the id of what it builds on: for an incremental its base, for a day of log the day it continues; a log
    that begins anew names none. Not `complete`: no manifest, so never finished, or a day of log that was cut off;
    `started` and `finished` are then when its first and last object were written. `lacking`: it has a manifest, and not
    all that it promises is there (`recovery.copies.arrival`); then it is not complete either.

    `locked_until`: nobody deletes a version of it before. `position`, where the dataset has a log whose place can be
    compared: of a backup, from where on a restore reads the log; of log, where it ends. `withheld`: whole, but no
    restore begins with it unless it is named.
    """

    dataset: str
    kind: str
    id: str
    folder: str
    epoch: int
    source: str
    started: datetime
    finished: datetime
    parent: str | None = None
    verified: bool = False
    complete: bool = True
    lacking: bool = False
    locked_until: datetime | None = None
    position: int | None = None
    withheld: bool = False

    @classmethod
    def of(cls, manifest: Manifest, folder: str, *, verified: bool, complete: bool) -> "Copy":
        """What a manifest says; `verified`: a restore of it, or a check of all its bytes, succeeded; `complete`: every
        part of it is there."""
        return cls(
            dataset=manifest.dataset,
            kind=manifest.kind,
            id=manifest.id,
            folder=folder,
            epoch=manifest.source.epoch,
            source=manifest.source.system_identifier,
            started=manifest.started,
            finished=manifest.finished,
            parent=manifest.parent,
            verified=verified,
            complete=complete,
            lacking=not complete,
            locked_until=manifest.retain_until,
            withheld=bool(manifest.withheld),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a `latest` pointer names: a backup that this bucket must hold while it is within its term."""

    folder: str
    finished: datetime


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What the backup bucket of `site` holds. `damaged`: per dataset, folders whose manifest cannot be read, and why.

    `elsewhere`: for production's bucket, the folders that the DR bucket holds complete; None: it could not be asked.
    """

    site: SiteName
    copies: tuple[Copy, ...]
    latest: Mapping[tuple[str, str], Named] = field(default_factory=dict[tuple[str, str], Named])
    damaged: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    elsewhere: frozenset[str] | None = None
