"""What a bucket holds: backups and what is odd about them, folders that are none, uploads that were left open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engines.catalog import Entry
from engines.registry import DATASETS, engines
from recovery.copies.manifest import Manifest
from recovery.errors import Refused, Unreachable
from recovery.ports.buckets import ObjectStore, UnfinishedUpload


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
        }


def list_backups(store: ObjectStore, *, now: datetime) -> Listing:
    """Everything that any engine made. What has been arriving for too long is among the others.

    Raises Refused or Unreachable when the bucket cannot be listed.
    """
    found = [(engine, each) for engine in engines() for each in engine.entries(store)]
    found.sort(key=lambda pair: pair[1].when, reverse=True)
    made = [(engine, each.manifest) for engine, each in found if each.manifest]
    remarks = {
        manifest.id: engine.judge(manifest, [other for _, other in made if other.dataset == manifest.dataset])
        for engine, manifest in made
    }
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
    )


def _arriving(entry: Entry, now: datetime) -> bool:
    return entry.arrival is not None and not entry.arrival.lost(now)
