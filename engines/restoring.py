"""What bringing a dataset back is, whatever the dataset: shown as an order, then done as exactly that order.

To ask S3 for what lies in its archive, and to wait for that, is the same for all and no engine's work:
`operations.copies.restore`.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from recovery.copies.manifest import Manifest
from recovery.copies.retrieval import ARCHIVE_CLASSES, Archived
from recovery.errors import Refused
from recovery.ports.buckets import RestoreBucket, StoredObject
from recovery.term import Term

Size = Callable[[int], str]
"""How a number of bytes is written for people."""


@dataclass(frozen=True, kw_only=True)
class RestoreOrder(ABC):
    """A restore as it is shown and as it is executed: what is read, what it needs and takes. An engine adds to it what
    it needs itself. `into`: a folder, or the address of a deployment."""

    dataset: str
    to: str
    into: Any
    objects: int
    stored_bytes: int
    disk_bytes: int
    disk_free: int
    terms: tuple[Term, ...]
    archived: Archived
    passed_over: tuple[str, ...] = ()
    """Copies that could serve and are not used, and why."""

    @property
    def seconds(self) -> float:
        """Of all terms."""
        return sum(term.seconds for term in self.terms)

    @property
    @abstractmethod
    def window(self) -> str:
        """What could be restored, for people."""

    def room(self, size: Size) -> str:
        """What it needs of the target's disk, for people."""
        return f"needs {size(self.disk_bytes)}, {size(self.disk_free)} are free"

    @abstractmethod
    def rows(self, size: Size) -> list[tuple[str, str]]:
        """What it begins with and what it does then, for people: a name and words each."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """The same for programs."""


@dataclass(frozen=True, kw_only=True)
class Restored(ABC):
    """A finished restore; `seconds` by phase."""

    files: int
    bytes: int
    seconds: Mapping[str, float]

    @property
    @abstractmethod
    def words(self) -> str:
        """How far it got, for people."""

    @abstractmethod
    def next_step(self, into: Any) -> str:
        """What to do with it now."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What an engine adds, for programs."""


Order = TypeVar("Order", bound=RestoreOrder)


class Restore(Protocol[Order]):
    """How a dataset is brought back."""

    dataset: str
    programs: tuple[str, ...]
    """That must be on PATH."""

    def place(self, named: str) -> Any:
        """What somebody means who names it as the target: a folder, or the address of a deployment."""
        ...

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: Any,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> Order:
        """Look at the bucket and the target; nothing is changed. Without `incrementals` only complete copies are used.
        `standby`: it shall go on from the copy by itself, as a server that follows another.

        Raises Refused, with what can be restored, for a point that cannot be reached or a target that is not empty."""
        ...

    def owner_of(self, into: Any, wanted: str) -> int | None:
        """The user whose the data will be, None for ours; `wanted` is a name or a number, empty for the usual one.
        Raises Refused for one that cannot have it."""
        ...

    def execute(
        self,
        store: RestoreBucket,
        order: Order,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> Restored:
        """Do what `order` says; the target appears only when all is proven. Raises Corrupt for a damaged copy, Failed
        when it does not get where it should, Refused for a target that is not empty; the target then is what it was.
        """
        ...


def objects_of(store: RestoreBucket, backup: Manifest) -> list[StoredObject]:
    """The objects of a backup, as they lie there."""
    wanted = {part.key for part in backup.parts}
    return [each for each in store.list(backup.folder) if each.key in wanted]


def archived_of(store: RestoreBucket, needed: Sequence[StoredObject]) -> Archived:
    """Of `needed`, what cannot be read now. S3 is asked only about objects of an archive class."""
    unasked, coming = list[StoredObject](), list[StoredObject]()
    for each in needed:
        state = store.retrieval(each.key) if each.storage in ARCHIVE_CLASSES else "done"
        if state != "done":
            (coming if state == "running" else unasked).append(each)
    return Archived(unasked=tuple(unasked), coming=tuple(coming))


def require_room(into: Path, needed: int) -> int:
    """How many bytes are free where `into` goes. Raises Refused when they are fewer than `needed`."""
    free = shutil.disk_usage(into if into.is_dir() else into.parent).free
    if free < needed:
        raise Refused(
            f"{into.parent} has {free:,} bytes free, the restore needs {needed:,}",
            next_step="free some space, or name a folder on a larger disk",
        )
    return free
