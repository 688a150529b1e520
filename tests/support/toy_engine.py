"""The smallest engine there can be, for tests of what all engines have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engines import restoring
from engines.catalog import Entry, entries, find
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.restoring import RestoreOrder, Size, archived_of, objects_of, require_room
from engines.streams import Tally, checked, decompressed
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest
from recovery.plan.datasets import Dataset, Redis
from recovery.ports.buckets import ObjectStore, RestoreBucket


class Toy:
    """An engine of its own: what the file named by TOY_SOURCE holds."""

    dataset, kind = "redis", "snapshot"
    needs = Needs(to_back_up=("sh",), to_verify=("sh",), settings=("TOY_SOURCE",))

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        assert isinstance(section, Redis)
        size = Path(environment["TOY_SOURCE"]).stat().st_size
        return Origin(identity="toy", version="1", words="a toy", bytes=size, tools={"toy": "1"})

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        return None

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        content = Path(environment["TOY_SOURCE"]).read_bytes()
        parts = folder.write("toy.zst", [memoryview(content)], Tally())
        return Content(parts=parts, start_position="0", stop_position=str(len(content)))

    def entries(self, store: ObjectStore) -> list[Entry]:
        return entries(store, self.dataset, self.kind)

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        part = manifest.parts[0]
        read = sum(map(len, checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)))
        return Verdict(files=1, bytes=read, raw_bytes=part.raw_bytes, seconds=0.0)

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        return remarks(manifest, others)


@dataclass(frozen=True, kw_only=True)
class ToyOrder(RestoreOrder):
    """One snapshot."""

    snapshot: Manifest

    @property
    def window(self) -> str:
        return f"what can be restored: {self.snapshot.id}"

    def rows(self, size: Size) -> list[tuple[str, str]]:
        return [("take", f"toy {self.snapshot.id}, {size(self.snapshot.raw_bytes)}")]

    def facts(self) -> dict[str, Any]:
        return {"snapshot": self.snapshot.id}


class ToyRestored(restoring.Restored):
    """One file."""

    @property
    def words(self) -> str:
        return "a toy"

    def next_step(self, into: Path) -> str:
        return f"play with {into}"

    def facts(self) -> dict[str, Any]:
        return {"toys": self.files}


class ToyRestore:
    """Into a file."""

    dataset: str = "redis"
    programs: tuple[str, ...] = ("sh",)

    def place(self, named: str) -> Path:
        return Path(named)

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: Path,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> ToyOrder:
        _, snapshot = find(store, to, dataset=self.dataset, kind="snapshot", now=datetime.now(UTC))
        objects = objects_of(store, snapshot)
        return ToyOrder(
            dataset=self.dataset,
            to=to,
            into=into,
            objects=len(objects),
            stored_bytes=snapshot.stored_bytes,
            disk_bytes=snapshot.raw_bytes,
            disk_free=require_room(into, snapshot.raw_bytes),
            terms=(),
            archived=archived_of(store, objects),
            snapshot=snapshot,
        )

    def owner_of(self, into: Path, wanted: str) -> int | None:
        return None

    def execute(
        self,
        store: RestoreBucket,
        order: ToyOrder,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> ToyRestored:
        (part,) = order.snapshot.parts
        content = b"".join(decompressed(store.stream(part.key), part.key))
        order.into.write_bytes(content)
        return ToyRestored(files=1, bytes=len(content), seconds={})
