"""The smallest engine there can be, for tests of what all engines have in common."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from engines.catalog import Entry, entries
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.streams import Tally, checked
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest
from recovery.plan.datasets import Dataset, Redis
from recovery.ports import ObjectStore


class Toy:
    """An engine of its own: what the file named by TOY_SOURCE holds."""

    dataset, kind = "redis", "snapshot"
    needs = Needs(to_back_up=("sh",), to_verify=("sh",), settings=("TOY_SOURCE",))

    def look(self, section: Dataset, environment: Mapping[str, str]) -> Origin:
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
