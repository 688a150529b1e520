"""A copy of configuration put into another cluster: first what that would do, asked of the cluster itself, then exactly
that, by server-side apply in the order of `engines.configuration.kinds`."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engines.configuration.contents import Contents
from engines.configuration.index import SECRETS, Document
from engines.configuration.kinds import CONFIGURATION, CRD_GROUP, CRD_PLURAL, CRDS, MEASURED, STAGES, stage_of
from engines.configuration.prepared import prepared, why_not_here
from engines.configuration.restore_order import Chosen, choose
from engines.restoring import archived_of, objects_of
from recovery.copies.manifest import Manifest
from recovery.copies.retrieval import Archived
from recovery.errors import Failed, Refused
from recovery.ports.buckets import RestoreBucket
from recovery.ports.cluster_objects import ClusterObjects, Kind, Object
from recovery.ports.sealing import Opener

What = Literal["create", "change", "same", "leave", "blocked"]
_ESTABLISHED_SECONDS, _LOOK_SECONDS = 60.0, 0.2
_NOT_COMPARED = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


@dataclass(frozen=True)
class Step:
    """One object: what becomes of it, and why nothing does."""

    document: Document
    what: What
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ClusterOrder:
    """What an apply will do, as it is shown and as it is executed. `namespace` is where the copy's own goes; `steps` is
    empty while the copy lies in an archive class."""

    chosen: Chosen
    server: str
    cluster: str
    namespace: str
    secrets: bool
    steps: tuple[Step, ...]
    archived: Archived
    contents: Contents | None = field(repr=False)

    @property
    def copy(self) -> Manifest:
        """That is applied."""
        return self.chosen.copy

    def those(self, what: What) -> list[Step]:
        """Of one kind, in their order."""
        return [each for each in self.steps if each.what == what]


@dataclass(frozen=True, kw_only=True)
class AppliedAll:
    """A finished apply."""

    created: int
    changed: int
    seconds: float


def plan(
    store: RestoreBucket, to: str, cluster: ClusterObjects, opener: Opener, *, namespace: str, secrets: bool
) -> ClusterOrder:
    """Look at copy and cluster; nothing is changed. `namespace`: another one than the copy's.

    Raises Refused for production's cluster, by its uid, and where no key opens the Secrets; Corrupt for a damaged copy.
    """
    found = choose(store, to)
    uid = cluster.uid()
    if uid in found.production | {found.copy.source.system_identifier}:
        raise Refused(
            f"the cluster at {cluster.server()} is {uid}, of which copies were made: a restore goes into another one",
            next_step="name the DR cluster's kubeconfig; to look into the copy, restore it into a folder with --into",
        )
    archived = archived_of(store, objects_of(store, found.copy))
    contents = None if archived else Contents.of(store, found.copy)
    target = namespace or (contents.index.namespace if contents else "")
    steps = _Trial(cluster, contents, opener, target).steps(secrets=secrets) if contents else ()
    return ClusterOrder(
        chosen=found,
        server=cluster.server(),
        cluster=uid,
        namespace=target,
        secrets=secrets,
        steps=tuple(steps),
        archived=archived,
        contents=contents,
    )


def execute(
    order: ClusterOrder,
    cluster: ClusterObjects,
    opener: Opener,
    *,
    partial: bool,
    heard: Callable[[str], None] = lambda _: None,
) -> AppliedAll:
    """Apply what `order` says. With `partial` what cannot be applied is left; without, it is Refused before the first
    apply. Raises Failed where the cluster then takes something else than in the trial; what was applied stays, and
    running it again goes on."""
    if (blocked := order.those("blocked")) and not partial:
        words = "; ".join(f"{each.document.words}: {each.why}" for each in blocked[:3])
        more = f"; and {len(blocked) - 3:,} more" if len(blocked) > 3 else ""
        raise Refused(
            f"{len(blocked):,} objects cannot be applied, and nothing was: {words}{more}",
            next_step="mend that, or apply the rest with --partial",
        )
    contents, begun = order.contents, time.monotonic()
    assert contents is not None  # noqa: S101  (for the type checker: nothing of it is in an archive)
    wanted = {each.document: each.what for each in order.steps if each.what in ("create", "change")}
    kinds = _served(cluster)
    stages = (stage for stage in STAGES if any(_stage(each) == stage for each in wanted))
    counted = {"create": 0, "change": 0}
    for stage in stages:
        heard(stage)
        made = list[Document]()
        for entry, found in _documents(contents, stage, opener, secrets=order.secrets):
            if entry not in wanted:
                continue
            document = _prepared(contents, entry, found, order.namespace)
            _apply(cluster, kinds, entry, document)
            counted[wanted[entry]] += 1
            made.append(entry)
        if stage == CRDS and made:
            _await_established(cluster, kinds, made)
            kinds = _served(cluster)
    return AppliedAll(created=counted["create"], changed=counted["change"], seconds=time.monotonic() - begun)


class _Trial:
    """Every object put to the cluster without effect."""

    def __init__(self, cluster: ClusterObjects, contents: Contents, opener: Opener, namespace: str) -> None:
        self._cluster, self._contents, self._opener, self._namespace = cluster, contents, opener, namespace
        self._kinds = _served(cluster)
        self._coming: set[tuple[str, str, str]] = set()
        """What definitions in the copy will serve."""

    def steps(self, *, secrets: bool) -> Iterator[Step]:
        """In the order of the apply."""
        for stage in STAGES:
            for entry, found in _documents(self._contents, stage, self._opener, secrets=secrets):
                yield self._step(entry, found)
        if not secrets:
            for entry in self._contents.index.of(SECRETS):
                yield Step(entry, "leave", "Secrets were not asked for")

    def _step(self, entry: Document, found: dict[str, Any]) -> Step:
        if why := why_not_here(entry):
            return Step(entry, "leave", why)
        kind = self._kinds.get(_key(entry))
        if (entry.group, entry.plural) == (CRD_GROUP, CRD_PLURAL):
            spec = found["spec"]
            for version in spec["versions"]:
                if version.get("served"):
                    self._coming.add((spec["group"], version["name"], spec["names"]["plural"]))
        if kind is None:
            if _key(entry) in self._coming:
                return Step(entry, "create")
            return Step(entry, "blocked", f"this cluster does not serve {entry.api_version} {entry.kind}")
        document = _prepared(self._contents, entry, found, self._namespace)
        try:
            answer = self._cluster.apply(kind, document, trial=True)
        except Refused as error:
            return Step(entry, "blocked", error.what)
        if answer.owned:
            return Step(entry, "blocked", f"others own {answer.owned}")
        own = document["metadata"]
        there = None if answer.absent else self._cluster.get(kind, own["name"], own.get("namespace", ""))
        if there is None:
            return Step(entry, "create")
        return Step(entry, "same" if _compared(there) == _compared(answer.object or {}) else "change")


def _prepared(contents: Contents, entry: Document, found: dict[str, Any], namespace: str) -> dict[str, Any]:
    index = contents.index
    return prepared(entry, found, source=index.namespace, target=namespace, services=index.services)


def _apply(
    cluster: ClusterObjects, kinds: Mapping[tuple[str, str, str], Kind], entry: Document, document: Object
) -> None:
    kind = kinds.get(_key(entry))
    why = f"the cluster does not serve {entry.api_version} {entry.kind} (any more)"
    if kind:
        try:
            answer = cluster.apply(kind, document, trial=False)
        except Refused as error:
            raise _stopped(entry, error.what) from None
        if not (answer.owned or answer.absent):
            return
        why = f"others own {answer.owned}" if answer.owned else "its namespace is not there"
    raise _stopped(entry, why)


def _stopped(entry: Document, why: str) -> Failed:
    return Failed(
        f"stopped at {entry.words}: {why}; what was applied before it stays",
        next_step="mend that, look again (without --execute), and run it again: it goes on from here",
    )


def _await_established(
    cluster: ClusterObjects, kinds: Mapping[tuple[str, str, str], Kind], made: list[Document]
) -> None:
    """A kind that is not established yet is not served yet."""
    end = time.monotonic() + _ESTABLISHED_SECONDS
    for entry in made:
        while not _established(cluster.get(kinds[_key(entry)], entry.name)):
            if time.monotonic() > end:
                raise _stopped(entry, f"it was not established within {_ESTABLISHED_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)


def _established(found: Object | None) -> bool:
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _documents(
    contents: Contents, stage: str, opener: Opener, *, secrets: bool
) -> Iterator[tuple[Document, dict[str, Any]]]:
    """Of a stage; Secrets go with configuration."""
    parts = {each.part for each in contents.index.documents if _stage(each) == stage and each.part != SECRETS}
    for part in sorted(parts):
        yield from contents.documents(part, opener)
    if stage == CONFIGURATION and secrets and contents.index.of(SECRETS):
        yield from contents.documents(SECRETS, opener)


def _served(cluster: ClusterObjects) -> dict[tuple[str, str, str], Kind]:
    return {(each.group, each.version, each.plural): each for each in cluster.kinds(but=MEASURED)}


def _key(entry: Document) -> tuple[str, str, str]:
    return entry.group, entry.api_version.rpartition("/")[2], entry.plural


def _stage(entry: Document) -> str:
    return stage_of(entry.group, entry.plural)


def _compared(found: Object) -> dict[str, Any]:
    """Without what every write changes, and what its controllers say."""
    own = {name: value for name, value in found["metadata"].items() if name not in _NOT_COMPARED}
    return {**{name: value for name, value in found.items() if name != "status"}, "metadata": own}
