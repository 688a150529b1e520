"""What a catalog cannot explain. Whoever prunes by a catalog with a gap may end what the unseen part needs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from recovery.copies.catalog import Catalog, Copy
from recovery.copies.retention import LOG

CLOCKS = timedelta(minutes=5)
"""Clocks of two machines differ; more than this is no such difference."""


def gaps_of(
    catalog: Catalog, dataset: str, copies: Sequence[Copy], terms: Mapping[str, timedelta], now: datetime
) -> tuple[str, ...]:
    """Every gap in `copies`, all those of `dataset`, worded. `terms`: how long each kind is kept in this bucket.

    A parent may be missing for a moment, while replicas arrive in another order than they were made in; the next run
    finds it.
    """
    found = [f"{what} is damaged" for what in catalog.damaged.get(dataset, ())]
    by_id: dict[str, Copy] = {}
    folders: set[str] = set()
    oldest_log: dict[str, datetime] = {}
    for copy in copies:
        if copy.id in by_id:
            found.append(f"two copies are called {copy.id}")
        by_id[copy.id] = copy
        folders.add(copy.folder)
        if copy.finished > now + CLOCKS:
            found.append(f"{copy.kind} {copy.id} is from the future: {copy.finished:%Y-%m-%d %H:%M}")
        if copy.kind == LOG:
            oldest_log[copy.source] = min(copy.started, oldest_log.get(copy.source, copy.started))
    for copy in copies:
        if copy.parent is None:
            continue
        parent = by_id.get(copy.parent)
        if copy.kind == LOG:
            # The days before the oldest one were pruned; between two days nothing is. Past its term nobody asks for it.
            within = copy.kind not in terms or now - copy.finished <= terms[copy.kind]
            if parent is None and within and copy.started > oldest_log[copy.source]:
                found.append(f"log {copy.id} continues {copy.parent}, which is missing while older log is there")
        elif parent is None or not parent.complete:
            # Past its term it goes anyway: a replica that came very late, after its base had been ended.
            if copy.kind not in terms or now - copy.finished <= terms[copy.kind]:
                found.append(f"{copy.kind} {copy.id} builds on {copy.parent}, which is missing")
        elif (parent.epoch, parent.source) != (copy.epoch, copy.source) or parent.finished > copy.finished:
            found.append(f"{copy.kind} {copy.id} builds on {copy.parent}, which is of another line")
    for (of, kind), named in catalog.latest.items():
        within = kind in terms and now - named.finished <= terms[kind]
        if of == dataset and within and named.folder not in folders:
            found.append(f"the pointer of {kind} names {named.folder}, which is missing")
    return tuple(found)
