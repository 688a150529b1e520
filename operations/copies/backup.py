"""A backup, whatever the engine: the lease, the content, the lease again, then the manifest that makes it one.

Two runs at once are safe (each has its own folder) and only cost twice; the CronJob forbids them within a cluster.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engines.catalog import move_pointer
from engines.engine import Engine, Folder, Line, Origin
from engines.fencing import require_held, require_unmoved
from engines.registry import require
from engines.streams import Tally, zstd_version
from recovery.copies.manifest import Manifest, Source
from recovery.copies.retention import copy_terms, lock_term, longest_newest
from recovery.errors import Failed, Refused
from recovery.names import backup_folder, manifest_key, parse_backup_folder
from recovery.plan.datasets import Dataset
from recovery.plan.plan import Plan, SiteName
from recovery.ports.buckets import ObjectStore
from recovery.ports.control_table import LeaseStore


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to back up at `site` into the bucket of `into`, for how long nobody can delete it, and when to give up.
    `run` makes the folder's name unique. `longest`: how old a full may be to be built on. `replica_lag`: how far a
    replica may be behind that is copied."""

    site: SiteName
    into: SiteName
    section: Dataset
    plan_digest: str
    keep: timedelta
    time_limit: timedelta
    longest: timedelta
    replica_lag: timedelta
    run: str
    program_version: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished backup, and whether `latest` names it now. `remark`: the origin's."""

    manifest_key: str
    manifest: Manifest
    seconds: float
    pointer_moved: bool
    remark: str = ""


def order_by_plan(plan: Plan, engine: Engine, site: SiteName, *, run: str, program_version: str) -> Order:
    """The order that the plan's section about this copy amounts to. Raises Refused when the plan has no such copy."""
    copies = {(each.dataset, each.kind): each for each in copy_terms(plan)}
    terms = copies.get((engine.dataset, engine.kind))
    if terms is None:
        raise Refused(
            f"the plan says nothing about {engine.dataset} {engine.kind}",
            next_step=f"add datasets.{engine.dataset}.{engine.kind} to recovery.yaml",
        )
    return Order(
        site=site,
        into=terms.bucket_of(site),
        section=getattr(plan.datasets, engine.dataset),
        plan_digest=plan.digest,
        # How long it is kept the pruner decides, in each bucket.
        keep=lock_term(plan, engine.dataset, engine.kind, site),
        time_limit=terms.time_limit,
        longest=longest_newest(plan, engine.dataset),
        replica_lag=plan.assumptions.replica_lag,
        run=run,
        program_version=program_version,
    )


def back_up(
    engine: Engine,
    store: ObjectStore,
    leases: LeaseStore,
    order: Order,
    *,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    begun: Callable[[Origin], None] = lambda _: None,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Made:
    """Let `engine` copy what `environment` names, and move the `latest` pointer.

    Raises Refused (LeaseRefused, FullInstead, Unchanged) before any effect: fenced site, wrong source, wrong version,
    no bucket. Raises Failed afterwards; then there is no manifest, so there is no backup.
    """
    lease = require_held(leases, order.site)
    require(
        f"{engine.dataset} {engine.kind}", environment, tools=engine.needs.to_back_up, settings=engine.needs.settings
    )
    origin = engine.look(order.section, environment, replica_lag=order.replica_lag)
    started, clock_start = clock().replace(microsecond=0), time.monotonic()
    line = Line(epoch=lease.epoch, now=started, longest=order.longest)
    origin = replace(origin, base=engine.base(origin, store, line))
    begun(origin)

    prefix = backup_folder(
        engine.dataset, engine.kind, epoch=lease.epoch, source=origin.identity, started=started, run=order.run
    )
    folder = Folder(store=store, prefix=prefix, retain_until=started + order.keep, progress=progress)
    content = engine.copy(origin, folder, {**environment, **origin.server}, time_limit=order.time_limit)

    require_unmoved(leases, lease)
    manifest = Manifest(
        dataset=engine.dataset,
        kind=engine.kind,
        id=parse_backup_folder(prefix).id,
        started=started,
        finished=clock(),
        source=Source(
            site=order.site,
            epoch=lease.epoch,
            system_identifier=origin.identity,
            timeline=origin.timeline,
            server_version=origin.version,
            database=origin.database,
            product=origin.product,
        ),
        start_position=content.start_position,
        stop_position=content.stop_position,
        parts=content.parts,
        tablespaces=content.tablespaces,
        data_format=content.data_format,
        as_of=content.as_of,
        tools={**origin.tools, "zstd": zstd_version(), "dr": order.program_version},
        parent=content.parent,
        plan_digest=order.plan_digest,
        retain_until=folder.retain_until,
        remarks=content.remarks,
        withheld=content.withheld,
        documents=dict(content.documents),
        resume_token=content.resume_token,
    )
    key = manifest_key(prefix)
    store.put_once(key, manifest.to_json(), retain_until=folder.retain_until)
    moved = not manifest.withheld and move_pointer(store, manifest, key)
    seconds = time.monotonic() - clock_start
    return Made(manifest_key=key, manifest=manifest, seconds=seconds, pointer_moved=moved, remark=origin.remark)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM, as a deleted Job gets it, becomes an error, so that the upload is aborted on the way out."""

    def end(_number: int, _frame: object) -> None:
        raise Failed("ended by SIGTERM; the upload was aborted, there is no backup", next_step="run it again")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
