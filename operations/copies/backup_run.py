"""One run of `dr backup`: what the plan says of a copy, made where the lease is, counted when a schedule began it."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from engines.engine import Engine, Origin
from engines.fencing import held_elsewhere
from engines.registry import engine_of
from engines.streams import Tally
from operations.context import Context
from operations.copies.backup import Made, back_up, ended_in_order, order_by_plan
from operations.copies.buckets import backup_bucket
from operations.copies.due import why_due
from operations.copies.outside import handed
from operations.copies.runs import SKIPPED, scheduled
from operations.lease import open_store
from recovery.copies.retention import FULL
from recovery.errors import Failed, FullInstead, Unchanged
from recovery.lease.lease import Lease
from recovery.ports.control_table import LeaseStore


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What was made, and in which bucket. `instead`: why it is a full although an incremental was asked for."""

    made: Made
    bucket: str
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Nothing was to be done, and why. `holder`: the lease, where another site has it."""

    why: str
    holder: Lease | None = None


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Who hears of a run: the source when it has answered, how far it is, and in words what else there is to say."""

    begun: Callable[[Origin], None]
    progress: Callable[[Tally], None]
    says: Callable[[str], None]


def run_backup(
    context: Context,
    engine: Engine,
    listener: Listener,
    *,
    environment: Mapping[str, str],
    if_active: bool,
    if_due: bool,
) -> Finished | Skipped:
    """Make it, or a full one where an incremental cannot be made; with `if_due` only where a full is due.

    Raises what `back_up` and `why_due` raise, and Failed for a copy that was made and is withheld."""
    leases = open_store(context)
    if if_due:
        why = why_due(context, leases, engine.dataset)
        if not why:
            return Skipped(why="no full backup is due here")
        listener.says(f"a full backup is due: {why}")
    with (
        ended_in_order(),
        scheduled(context, engine.dataset, engine.kind, if_active=if_active, tell=listener.says) as run,
    ):
        if if_active and (lease := held_elsewhere(leases, context.site)):
            run.outcome, run.why = "skipped", SKIPPED
            return Skipped(why=SKIPPED, holder=lease)
        try:
            found = _make(context, engine, leases, listener, environment)
        except FullInstead as error:
            listener.says(f"a full backup is made instead: {error.what}")
            full = engine_of(engine.dataset, FULL)
            found = _make(context, full, leases, listener, environment, instead=error.what)
        except Unchanged as error:
            run.outcome, run.why = "skipped", error.what
            return Skipped(why=error.what)
        run.why = "; ".join(filter(None, [found.made.remark, found.instead]))
        return found


def _make(
    context: Context,
    engine: Engine,
    leases: LeaseStore,
    listener: Listener,
    environment: Mapping[str, str],
    *,
    instead: str = "",
) -> Finished:
    engine = handed(engine, context)
    order = order_by_plan(
        context.plan, engine, context.site, run=secrets.token_hex(4), program_version=version("ultramarket-dr")
    )
    store = backup_bucket(context, order.into)
    made = back_up(
        engine,
        store,
        leases,
        order,
        environment=environment,
        clock=lambda: datetime.now(UTC),
        begun=listener.begun,
        progress=listener.progress,
    )
    if made.manifest.withheld:
        raise Failed(
            f"{made.manifest.id} is in bucket {store.bucket} and `latest` does not name it: {made.manifest.withheld}",
            next_step="make another one when that is mended; until then a restore takes the copy before this one, "
            "unless this one is named",
        )
    return Finished(made=made, bucket=store.bucket, instead=instead)
