"""What a restore of configuration begins with: one copy, and what it has. Into a folder it writes a file an object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from engines.catalog import entries
from engines.configuration.contents import Contents
from engines.configuration.index import SECRETS
from engines.configuration.outside import Nowhere, Outside
from engines.configuration.restore import Restored, restore
from engines.restoring import RestoreOrder, Size, archived_of, objects_of, require_room
from engines.target import folder, require_target, uid_of
from recovery.copies.manifest import Manifest
from recovery.copies.moments import chosen, window
from recovery.copies.recovery_target import Target
from recovery.copies.retention import FULL
from recovery.errors import Refused
from recovery.measured import CONFIGURATION_FILES_PER_SECOND
from recovery.names import WITH_SECRETS
from recovery.ports.buckets import ObjectStore, RestoreBucket
from recovery.term import Term

_DATASET = "configuration"
_BLOCK = 4096  # of most file systems: what is not empty takes one at least


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The copy that a target leads to, of the `known` ones, and why others are not used. `production`: the uids of the
    clusters that were production's when these copies were made."""

    copy: Manifest
    known: tuple[Manifest, ...]
    passed_over: tuple[str, ...]
    production: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Order(RestoreOrder):
    """As files. `open`: Secrets too, which otherwise stay a ciphertext. `documents` is None while the index lies in an
    archive class."""

    chosen: Chosen
    open: bool
    documents: int | None
    sealed: int

    @property
    def window(self) -> str:
        """What could be restored, for people."""
        return window(each.started for each in self.chosen.known)

    def rows(self, size: Size) -> list[tuple[str, str]]:
        """The copy, and what becomes of Secrets."""
        copy = self.chosen.copy
        count = "as many objects as its index says" if self.documents is None else f"{self.documents:,} objects"
        secrets = "opened, each in a file of its own" if self.open else "stay a ciphertext (--with-secrets opens it)"
        return [
            ("take", f"{copy.id}, {count} of {copy.data_format}, cluster {copy.source.system_identifier}"),
            ("Secrets", f"{self.sealed:,}, {secrets}"),
            *(("noted", each) for each in copy.remarks),
        ]

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {"backup": self.chosen.copy.id, "objects_in_it": self.documents, "secrets_opened": self.open}


class ConfigurationRestore:
    """A copy as files; into a cluster: `engines.configuration.into_cluster`."""

    dataset = _DATASET
    programs: tuple[str, ...] = ()

    def __init__(self, outside: Outside | None = None) -> None:
        self.outside = outside or Nowhere()

    def reaching(self, outside: Outside) -> "ConfigurationRestore":
        """The same with keys."""
        return ConfigurationRestore(outside)

    def place(self, named: str) -> Path:
        """A folder."""
        return folder(named)

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: Path,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> Order:
        """`to` is what `Target` reads, without positions."""
        if standby:
            raise Refused(
                "configuration has no log for a server to follow, so there is no standby of it",
                next_step="restore it without --as-standby",
            )
        require_target(into)
        found = choose(store, to)
        objects = objects_of(store, found.copy)
        archived = archived_of(store, objects)
        documents, sealed = None, 0
        if not archived:
            index = Contents.of(store, found.copy).index
            documents, sealed = len(index.documents), len(index.of(SECRETS))
        files = documents or 0
        disk = found.copy.raw_bytes + files * _BLOCK
        speed = CONFIGURATION_FILES_PER_SECOND
        return Order(
            dataset=_DATASET,
            to=to,
            into=into,
            objects=len(objects),
            stored_bytes=sum(each.bytes for each in objects),
            disk_bytes=disk,
            disk_free=require_room(into, disk),
            terms=(Term(f"write {files:,} files", timedelta(seconds=files / speed.value), speed.basis),),
            archived=archived,
            passed_over=found.passed_over,
            chosen=found,
            open=bool(environment.get(WITH_SECRETS)),
            documents=documents,
            sealed=sealed,
        )

    def owner_of(self, into: Path, wanted: str) -> int | None:
        """Whose all of it will be; None: ours."""
        return uid_of(wanted) if wanted else None

    def execute(
        self,
        store: RestoreBucket,
        order: Order,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> Restored:
        """See `engines.configuration.restore`."""
        contents = Contents.of(store, order.chosen.copy)
        opener = self.outside.opener() if order.open else None
        return restore(contents, order.into, opener=opener, owner=owner, heard=heard)


def choose(store: ObjectStore, to: str) -> Chosen:
    """Raises Refused, with what there is."""
    found = entries(store, _DATASET, FULL)
    usable = [each.manifest for each in found if each.manifest]
    known = tuple(each for each in usable if not each.withheld)
    copy = chosen(Target.parse(to), usable, known)
    passed = [f"{each.id} is not used: {each.damage}" for each in found if each.damage]
    return Chosen(
        copy=copy,
        known=known,
        passed_over=tuple(passed),
        production=frozenset(each.source.system_identifier for each in usable if each.source.site == "prod"),
    )
