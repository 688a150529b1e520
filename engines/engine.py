"""What an engine is: how one kind of copy of one dataset is made, listed, verified and judged.

Lease, folder, manifest and pointer are the same for all of them and are no engine's work: `operations.copies.backup`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from engines.catalog import Entry
from engines.streams import Chunks, Pieces, Tally, compressed, passed_on
from recovery.copies.manifest import Manifest, Part, Tablespace
from recovery.copies.parts import OBJECT_BYTES
from recovery.plan.datasets import Dataset
from recovery.ports.buckets import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Programs that must be on PATH for each duty, and environment variables that must be set for a backup."""

    to_back_up: tuple[str, ...] = ()
    to_verify: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What answered when an engine asked for the data. Nothing has been written yet.

    `identity` tells this source from every other one and is part of the folder's name. `words` are for people, `bytes`
    is about how much will be read, `tools` are versions for the manifest. `product`: which program, where a dataset may
    be in several.
    """

    identity: str
    version: str
    words: str
    bytes: int
    tools: Mapping[str, str]
    timeline: int | None = None
    database: str = ""
    product: str = ""
    standby: bool = False  # it has time to spare: customers wait for another server
    server: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables by which it is reached, where it is not the server that the run's own variables name."""
    remark: str = ""
    """Why it is not the server that such copies are to be read of."""
    base: Manifest | None = None  # what the copy is to build on
    section: Dataset | None = None  # what the plan says about it, where a copy needs more of that


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an engine wrote: the objects, from where to where in the source's own counting, and what it builds on.

    `data_format`: what a server must be able to read, where versions differ. `as_of`: the moment that the data is of,
    by the source's clock, where it is said.
    `remarks` are for people; `withheld`: why no restore should begin with it unless somebody names it, empty if it may.
    """

    parts: tuple[Part, ...]
    start_position: str
    stop_position: str
    tablespaces: tuple[Tablespace, ...] = ()
    parent: str | None = None
    data_format: str = ""
    as_of: datetime | None = None
    remarks: tuple[str, ...] = ()
    withheld: str = ""
    documents: Mapping[str, int] = field(default_factory=dict[str, int])
    """Of a source that counts in documents: how many each of its collections has."""
    resume_token: str = ""
    """Of a source with a stream of changes: by which that goes on after `start_position`."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was proven about a backup, and how long it took. `remark`: what else was done to prove it, or was not."""

    files: int
    bytes: int
    raw_bytes: int
    seconds: float
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where one backup goes: a folder of the bucket, all of whose objects are locked until `retain_until`.
    `object_bytes`: about how long an object gets before the next one begins, where it is to be shorter than usual."""

    store: ObjectStore
    prefix: str
    retain_until: datetime
    progress: Callable[[Tally], None] = lambda _: None
    object_bytes: int | None = None

    def write(
        self, name: str, chunks: Chunks, tally: Tally, *, raw_bytes: Callable[[], int] | None = None
    ) -> tuple[Part, ...]:
        """Compress `chunks` into the object `name`, count them in `tally`, and say what was stored.

        With `raw_bytes` they are compressed already, and it says what all that passed so far was before.

        What is too long for one object goes on in `name.0002` and so on, each compressed for itself: put together in
        their order they are one zstd stream. Each is locked like the first.
        """
        pieces, parts, longest = Pieces(chunks), list[Part](), self.object_bytes or OBJECT_BYTES
        while not pieces.ended:
            key = self.prefix + name + (f".{len(parts) + 1:04d}" if parts else "")
            piece = pieces.until(lambda: tally.object_bytes >= longest)
            if raw_bytes is None:
                packed = compressed(piece, tally, self.progress)
            else:
                packed = passed_on(piece, tally, raw_bytes, self.progress)
            with closing(packed) as stored:
                self.store.put_stream(key, stored, retain_until=self.retain_until)
            parts.append(tally.end_object(key))
        return tuple(parts)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Where a new copy stands: under which epoch of the lease, when, and how old a full may be that it builds on."""

    epoch: int
    now: datetime
    longest: timedelta


class Engine(Protocol):
    """One kind of copy of one dataset of the plan. `section` is what the plan says about the dataset."""

    dataset: str
    kind: str
    needs: Needs

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """Ask the source who it is. `replica_lag`: how far a replica is behind its primary by the plan; one that is
        known to be further behind is refused. Raises Refused or Unreachable."""
        ...

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """What the copy must build on; None for one that is complete in itself. Raises FullInstead when it has nothing
        to build on."""
        ...

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """Write the source's content into `folder`. Raises Failed; then there is no manifest, so there is no backup.
        Raises FullInstead or Unchanged before anything is written."""
        ...

    def entries(self, store: ObjectStore) -> list[Entry]:
        """What the bucket holds of this kind, unfinished ones included, the newest first."""
        ...

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """Check every byte. Raises Corrupt when it is not what the manifest promises, Refused when it cannot be checked
        here, Failed when a tool broke."""
        ...

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """What is odd about a backup beside the `others` of its dataset, worded; empty when nothing is."""
        ...
