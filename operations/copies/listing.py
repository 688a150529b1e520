"""What a bucket holds: backups and what is odd about them, folders that are none, uploads that were left open."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engines.catalog import Entry
from engines.engine import Engine
from engines.folders import begun_before, entries
from engines.registry import DATASETS, engines
from recovery.copies.manifest import Manifest
from recovery.copies.retention import copy_terms, stands_alone
from recovery.errors import Refused, Unreachable
from recovery.plan.plan import Plan
from recovery.plan.schedules import longest_gap
from recovery.ports.buckets import ObjectStore, UnfinishedUpload

RECENT = 100
"""How many of each kind are listed, by its schedule, unless all are asked for: of Redis the plan keeps 26,000."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """`backups`, what is `arriving`, and `others`, the newest first; `remarks` by the id of a backup. `unfinished` is
    None when it could not be asked for, and `not_known` says why."""

    backups: tuple[Manifest, ...]
    arriving: tuple[Entry, ...]
    others: tuple[Entry, ...]
    remarks: dict[str, tuple[str, ...]]
    unfinished: tuple[UnfinishedUpload, ...] | None
    not_known: str = ""
    older: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """`DATASET KIND` → before when there are more, of each kind of which not all were asked for."""

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """The JSON form."""

        def listed(entries: tuple[Entry, ...]) -> list[dict[str, str]]:
            return [{"folder": each.folder, "problem": each.problem(now)} for each in entries]

        uploads = self.unfinished
        return {
            "backups": [each.model_dump(mode="json") for each in self.backups],
            "remarks": self.remarks,
            "arriving": listed(self.arriving),
            "not_backups": listed(self.others),
            "unfinished_uploads": None if uploads is None else [{"key": e.key, "started": e.started} for e in uploads],
            "unfinished_uploads_problem": self.not_known,
            "not_listed_before": {what: before.isoformat() for what, before in self.older.items()},
        }


def recent(plan: Plan, now: datetime) -> dict[tuple[str, str], datetime]:
    """(dataset, kind) → since when about `RECENT` of them were begun, by the plan's schedule."""
    return {
        (each.dataset, each.kind): now - RECENT * longest_gap((each.schedule,))
        for each in copy_terms(plan)
        if each.schedule
    }


def list_backups(
    store: ObjectStore, *, now: datetime, since: Mapping[tuple[str, str], datetime] | None = None
) -> Listing:
    """What any engine made, of the kinds in `since` only from then on. What has been arriving for too long is among the
    others.

    Raises Refused or Unreachable when the bucket cannot be listed.
    """
    begins = since or {}
    found = [
        (engine, each)
        for engine in engines()
        for each in entries(store, engine.dataset, engine.kind, since=begins.get((engine.dataset, engine.kind)))
    ]
    kinds = [(engine.dataset, engine.kind) for engine in engines()]
    older = {
        f"{dataset} {kind}": begins[dataset, kind]
        for dataset, kind in kinds
        if (dataset, kind) in begins and begun_before(store, dataset, kind, begins[dataset, kind])
    }
    found.sort(key=lambda pair: pair[1].when, reverse=True)
    made = [(engine, each.manifest) for engine, each in found if each.manifest]
    remarks = _remarks(made)
    rest = [each for _, each in found if not each.manifest]
    unfinished, not_known = None, ""
    try:
        unfinished = tuple(each for dataset in DATASETS for each in store.unfinished(f"{dataset}/"))
    except (Refused, Unreachable) as error:
        not_known = error.what
    return Listing(
        backups=tuple(manifest for _, manifest in made),
        arriving=tuple(each for each in rest if _arriving(each, now)),
        others=tuple(each for each in rest if not _arriving(each, now)),
        remarks={name: words for name, words in remarks.items() if words},
        unfinished=unfinished,
        not_known=not_known,
        older=older,
    )


def _remarks(made: Sequence[tuple[Engine, Manifest]]) -> dict[str, tuple[str, ...]]:
    """By id; `made` is the newest first. A copy that nothing builds on is judged beside those just before it."""
    of_dataset: dict[str, list[Manifest]] = defaultdict(list)
    of_kind: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
    found: dict[str, tuple[str, ...]] = {}
    for _, manifest in made:
        of_dataset[manifest.dataset].append(manifest)
        of_kind[manifest.dataset, manifest.kind].append(manifest)
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for engine, manifest in made:
        kind = manifest.dataset, manifest.kind
        seen[kind] += 1
        before = of_kind[kind][seen[kind] : seen[kind] + RECENT]
        found[manifest.id] = engine.judge(manifest, before if stands_alone(*kind) else of_dataset[manifest.dataset])
    return found


def _arriving(entry: Entry, now: datetime) -> bool:
    return entry.arrival is not None and not entry.arrival.lost(now)
