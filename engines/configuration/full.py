"""A copy of configuration: objects of the site's namespace and named ones of its cluster, and files of named paths.

How it becomes a backup, lease, manifest and pointer, is `operations.copies.backup`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import cast

from engines.catalog import Entry, entries
from engines.configuration.index import (
    FILES,
    INDEX,
    SEALED_FILES,
    SECRETS,
    File,
    Index,
    context_of,
    in_stages,
    part_name,
)
from engines.configuration.kinds import CONFIGURATION, CRDS, MEASURED, STAGES
from engines.configuration.lists import written
from engines.configuration.outside import Here, Nowhere, Outside
from engines.configuration.paths import Named, gather, packed
from engines.configuration.taking import Taking
from engines.configuration.verify import verify
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.streams import Tally
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Failed
from recovery.names import parse_backup_folder
from recovery.plan.datasets import Configuration, Dataset
from recovery.ports.buckets import ObjectStore
from recovery.ports.cluster_objects import Object


class ConfigurationFull:
    """All of it, as it can be applied to another cluster. Secrets are in it as ciphertext only."""

    dataset = "configuration"
    kind = "full"
    needs = Needs()

    def __init__(self, outside: Outside | None = None) -> None:
        self.outside = outside or Nowhere()

    def reaching(self, outside: Outside) -> "ConfigurationFull":
        """The same with a cluster and keys."""
        return ConfigurationFull(outside)

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """The cluster of KUBECONFIG. Raises Refused, Unreachable."""
        here, cluster = self.outside.here(), self.outside.cluster(environment)
        uid = cluster.uid()
        return Origin(
            identity=uid,
            version=cluster.version(),
            product="kubernetes",
            words=f"objects of namespace {here.namespace} in the cluster at {cluster.server()} ({uid})",
            bytes=0,
            tools={},
            section=section,
        )

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """None: it is complete in itself."""
        return None

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """Raises Failed or Refused for whatever would be missing: an API group that cannot be listed, a named object or
        path that is not there, a kind that may not be read."""
        section, cluster = cast("Configuration", origin.section), self.outside.cluster(environment)
        here, hurry = self.outside.here(), _deadline(time_limit)
        kinds = cluster.kinds(but=MEASURED)
        taking = Taking(cluster, kinds, here.namespace, section.cluster_objects, hurry)
        run = _Run(folder, here, context_of(parse_backup_folder(folder.prefix).id, origin.identity))
        # Definitions last: which are needed is known when all the rest was seen.
        for stage in (*(each for each in STAGES if each != CRDS), CRDS):
            run.store(part_name(stage), taking.objects(stage))
            if stage == CONFIGURATION:
                run.store(SECRETS, taking.objects(stage, secrets=True), sealed=True)
        files = gather(section.paths, hurry)
        for each in files:
            taking.certificates.see(each.path, each.content)
        run.files(FILES, [each for each in files if not each.secret])
        run.files(SEALED_FILES, [each for each in files if each.secret], sealed=True)
        index = Index(
            cluster=origin.identity,
            namespace=here.namespace,
            services=here.services,
            keys=run.keys,
            context=run.context,
            documents=tuple(in_stages(taking.documents)),
            files=tuple(File(path=each.path, bytes=len(each.content), sealed=each.secret) for each in files),
            left=taking.left,
        )
        parts = folder.write(INDEX, [memoryview(index.to_json())], run.tally)
        return Content(
            parts=(*parts, *run.parts),
            start_position="",
            stop_position="",
            data_format=f"Kubernetes {origin.version}",
            remarks=tuple(_remarks(index, taking, run)),
        )

    def entries(self, store: ObjectStore) -> list[Entry]:
        """Finished and unfinished ones, the newest first."""
        return entries(store, self.dataset, self.kind)

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """See `engines.configuration.verify`."""
        return verify(store, manifest, self.outside.opener())

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """Size, source, and its own remarks."""
        return remarks(manifest, others)


class _Run:
    """The parts of one copy, as they are stored."""

    def __init__(self, folder: Folder, here: Here, context: dict[str, str]) -> None:
        self._folder, self._here, self.context = folder, here, context
        self.parts: list[Part] = []
        self.keys: tuple[str, ...] = ()
        self.missing = ""
        self.tally = Tally()

    def store(self, name: str, objects: Iterator[Object], *, sealed: bool = False) -> None:
        """As a list; nothing when there is none."""
        first = next(objects, None)
        if first is not None:
            self._write(name, written(chain([first], objects)), sealed=sealed)

    def files(self, name: str, files: Sequence[Named], *, sealed: bool = False) -> None:
        """As an archive; nothing when there is none."""
        if files:
            self._write(name, packed(files), sealed=sealed)

    def _write(self, name: str, chunks: Iterable[memoryview], *, sealed: bool) -> None:
        if not sealed:
            self.parts += self._folder.write(name, chunks, self.tally)
            return
        made = self._here.sealer.seal(map(bytes, chunks), self.context)
        if self.keys and set(made.keys) != set(self.keys):
            raise Failed(
                f"{name} would be opened by other keys than what was sealed before it: one came or went meanwhile",
                next_step="run the backup again",
            )
        self.keys, self.missing = made.keys, made.missing
        self.parts += self._folder.write(name, map(memoryview, made.chunks), self.tally)


def _remarks(index: Index, taking: Taking, run: _Run) -> Iterator[str]:
    if run.missing:
        yield run.missing
    for where in taking.certificates.alone:
        yield f"a certificate without its key: {where}"
    for where in taking.certificates.unread:
        yield f"a certificate that cannot be read: {where}"
    # Most of them are Pods and the like. What holds data is worth a word: its controller has to be there to make it.
    for each in index.left:
        if each.resource in ("secrets", "configmaps") and each.count and each.why.endswith("makes it"):
            yield f"{each.count:,} {each.resource} are not stored, {each.why}: {', '.join(each.names)}"


def _deadline(time_limit: timedelta) -> Callable[[], None]:
    end = time.monotonic() + time_limit.total_seconds()

    def hurry() -> None:
        if time.monotonic() > end:
            raise Failed(
                f"the copy was not finished within {time_limit}; without a manifest it is none",
                next_step="look at the load of the cluster's API, or raise time_limit in recovery.yaml",
            )

    return hurry
