"""The simulated retention's PostgreSQL copies, written into a bucket and judged by what the pruner reads there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from operations.copies.prune import look
from recovery.copies.catalog import Catalog, Copy
from recovery.copies.log import SEGMENT_BYTES, Gap, Line, Range, parse_key
from recovery.copies.manifest import Part, Pointer
from recovery.copies.postgres_log_days import log_days
from recovery.copies.pruning import Keep, Prune, Verdict, decide
from recovery.copies.retention import LOG
from recovery.lease.lease import format_lsn
from recovery.names import manifest_key, pointer_key
from recovery.plan.plan import Plan
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest
from tests.support.retention_copies import START

_SECONDS = 2**20
"""Bytes of log that are written in a second: whole segments lie 16 s apart."""


def place(at: datetime) -> int:
    """Where the log is then; before the simulation begins a lot was written already."""
    return int((at - START + timedelta(days=400)).total_seconds()) * _SECONDS


def decide_through_bucket(catalog: Catalog, plan: Plan, now: datetime) -> Verdict:
    """As `decide`; PostgreSQL's copies take the way over a bucket."""
    mine = [copy for copy in catalog.copies if copy.dataset == "postgres"]
    others = tuple(copy for copy in catalog.copies if copy.dataset != "postgres")
    rest = decide(replace(catalog, copies=others), plan, now)
    store, replicas = FakeBucket(), FakeBucket("dr")
    store.now = now
    by_folder = {copy.folder: copy for copy in mine}
    for copy in mine:
        if copy.kind != LOG:
            for each in (store, replicas) if copy.folder in (catalog.elsewhere or ()) else (store,):
                _write(each, copy)
    by_folder |= _write_log(store, [copy for copy in mine if copy.kind == LOG])
    for folder in catalog.damaged.get("postgres", ()):
        store.objects[
            f"{folder}manifest.json" if "/log/" not in folder else "postgres/full/spoiled/x/y/z/manifest.json"
        ] = b"{"
    for (dataset, kind), named in catalog.latest.items():
        if dataset == "postgres" and kind != LOG:
            pointer = Pointer(manifest_key=manifest_key(named.folder), epoch=1, finished=named.finished)
            store.objects[pointer_key(dataset, kind, 1)] = pointer.model_dump_json().encode()
    order = look(
        store,
        plan,
        catalog.site,
        clock=lambda: now,
        replicas=None if catalog.elsewhere is None else replicas,
    )
    keeps = [
        Keep(by_folder[each.copy.folder], each.reason) for each in order.verdict.keeps if each.copy.folder in by_folder
    ]
    prunes = [Prune(by_folder[each.copy.folder], each.reason) for each in order.verdict.prunes]
    return Verdict(
        keeps=(*rest.keeps, *keeps), prunes=(*rest.prunes, *prunes), gaps={**rest.gaps, **order.verdict.gaps}
    )


def _write(store: FakeBucket, copy: Copy) -> None:
    started = copy.started
    part = Part(key=f"{copy.folder}data", bytes=3, sha256="0" * 64, raw_bytes=9)
    store.objects[part.key], store.modified[part.key] = b"xxx", copy.finished
    if not copy.complete:
        return
    made = manifest(
        copy.id.rsplit("-", 1)[1],
        epoch=copy.epoch,
        started=started,
        kind=copy.kind,
        id=copy.id,
        finished=copy.finished,
        parts=(part,),
        parent=copy.parent,
        start_position=format_lsn(place(started)),
        stop_position=format_lsn(place(copy.finished)),
        retain_until=copy.locked_until or started,
    )
    source = made.source.model_copy(update={"system_identifier": copy.source})
    key = manifest_key(copy.folder)
    store.objects[key] = made.model_copy(update={"source": source}).to_json()
    store.modified[key] = copy.finished


def _write_log(store: FakeBucket, days: Iterable[Copy]) -> dict[str, Copy]:
    """Each day as one long range of its epoch's timeline; where the simulated log begins anew, the loss is recorded.
    Which folder of the pruner's each of them became."""
    ends: dict[int, int] = {}
    made: dict[str, Copy] = {}
    for copy in sorted(days, key=lambda each: each.started):
        line = Line(copy.epoch, copy.source, copy.epoch)
        start, end = place(copy.started), place(copy.finished + timedelta(seconds=1))
        if ends.get(copy.epoch, start) < start:
            gap = Gap(line, ends[copy.epoch], start)
            if copy.parent is None:
                store.objects[gap.key] = b"{}"
        ends[copy.epoch] = end
        piece = Range(line, start, end)
        store.objects[piece.key], store.modified[piece.key] = b"r", copy.finished
        made[piece.key] = copy
    folders = log_days(store.list("postgres/log/"), ())
    assert all(len(objects) == 1 for objects in folders.objects.values())
    assert SEGMENT_BYTES and all(parse_key(key) for key in made)
    return {folder: made[objects[0].key] for folder, objects in folders.objects.items()}
