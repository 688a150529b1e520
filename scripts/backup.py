"""`dr backup`: copy a dataset into the bucket of the site's own region."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from recovery.errors import Failed
from scripts.context import DEFAULT_PLAN, AccountOption, Context, JsonOption, PlanOption, SiteOption
from scripts.output import console, emit_json, say

if TYPE_CHECKING:
    from engines.copying import Tally
    from engines.postgres import Identity
    from engines.postgres_backup import Made

_EVERY_SECONDS = 3.0


class Dataset(StrEnum):
    """What can be copied."""

    POSTGRES = "postgres"


class Kind(StrEnum):
    """How much of it."""

    FULL = "full"


def backup(
    dataset: Annotated[Dataset, typer.Argument(help="What to back up.")],
    kind: Annotated[Kind, typer.Argument(help="How much of it.")],
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    json: JsonOption = False,
) -> None:
    """Back up a dataset into this site's bucket.

    Connects by libpq's variables (PGHOST, PGPORT, PGUSER, PGPASSWORD or PGPASSFILE). Refused (exit 2) at a site that
    does not hold the lease.

    Example: PGHOST=replica PGUSER=dr_backup dr backup postgres full --site prod
    """
    from engines.postgres_backup import Order, full_backup
    from recovery.retention import lock_term
    from scripts.copies import backup_bucket
    from scripts.lease import open_store

    context = Context.load(plan, account, site)
    terms = context.plan.datasets.postgres
    store = backup_bucket(context, context.site)
    report = Progress()
    with _ended_in_order():
        made = full_backup(
            store,
            open_store(context),
            Order(
                site=context.site,
                database=terms.database,
                plan_digest=context.plan.digest,
                # For how long nobody can delete it; how long it is kept the pruner decides, in each bucket.
                keep=lock_term(context.plan, dataset, kind, context.site),
                time_limit=terms.full.time_limit,
                run=secrets.token_hex(4),
                program_version=version("ultramarket-dr"),
            ),
            environment=dict(os.environ),
            clock=lambda: datetime.now(UTC),
            begun=report.begun,
            progress=report.show,
        )
    if not made.pointer_moved:
        say(f"`latest` names a newer {dataset} {kind} backup and was left alone", "yellow")
    if json:
        emit_json(_result(made, store.bucket))
    else:
        console.print(_summary(made, store.bucket), markup=False)


class Progress:
    """A line on standard error every few seconds."""

    def __init__(self) -> None:
        self._begun = self._shown = time.monotonic()
        self._expected = ""

    def begun(self, identity: "Identity") -> None:
        """Say what is being copied."""
        self._begun = self._shown = time.monotonic()
        self._expected = f" of about {decimal(identity.size_bytes)}"
        role = "standby" if identity.in_recovery else "primary"
        say(
            f"PostgreSQL {identity.server_version} {role}, system {identity.system_identifier}, "
            f"timeline {identity.timeline}: {decimal(identity.size_bytes)} of databases"
        )

    def show(self, tally: "Tally") -> None:
        """Say how far it is, if the last time was long enough ago."""
        now = time.monotonic()
        if now - self._shown < _EVERY_SECONDS:
            return
        self._shown = now
        rate = decimal(int(tally.raw_bytes / (now - self._begun)))
        say(f"read {decimal(tally.raw_bytes)}{self._expected}, sent {decimal(tally.stored_bytes)}, {rate}/s")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM, as a deleted Job gets it, becomes an error, so that the upload is aborted on the way out."""

    def end(_number: int, _frame: object) -> None:
        raise Failed("ended by SIGTERM; the upload was aborted, there is no backup", next_step="run it again")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _result(made: "Made", bucket: str) -> dict[str, Any]:
    manifest = made.manifest
    return {
        "bucket": bucket,
        "manifest": made.manifest_key,
        "id": manifest.id,
        "bytes": manifest.stored_bytes,
        "raw_bytes": sum(part.raw_bytes for part in manifest.parts),
        "seconds": round(made.seconds, 3),
        "start": manifest.start_position,
        "stop": manifest.stop_position,
        "epoch": manifest.source.epoch,
        "retain_until": manifest.retain_until.isoformat(),
        "pointer_moved": made.pointer_moved,
    }


def _summary(made: "Made", bucket: str) -> str:
    manifest = made.manifest
    return (
        f"{manifest.dataset} {manifest.kind} {manifest.id}: {decimal(manifest.stored_bytes)} in {bucket} "
        f"after {made.seconds:.1f} s, WAL {manifest.start_position} to {manifest.stop_position}, "
        f"kept until {manifest.retain_until:%Y-%m-%d %H:%M} UTC"
    )
