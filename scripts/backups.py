"""`dr backups`: what a bucket holds."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from scripts.context import DEFAULT_PLAN, AccountOption, Context, JsonOption, PlanOption, SiteOption
from scripts.output import emit_json, say, table

if TYPE_CHECKING:
    from engines.catalog import Entry

BucketOption = Annotated[
    str, typer.Option("--bucket", help="Whose bucket: prod or dr; default: this site's own, else production's.")
]


def backups(
    bucket: BucketOption = "",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    json: JsonOption = False,
) -> None:
    """List the backups of a site's bucket, the newest first; a folder without a manifest is none.

    Example: dr backups --bucket dr
    """
    from engines.catalog import entries
    from scripts.copies import backup_bucket, site_of_bucket

    context = Context.load(plan, account, site)
    store = backup_bucket(context, site_of_bucket(context, bucket))
    found = entries(store)
    finished = [each for each in found if each.manifest]
    others = [each for each in found if not each.manifest]
    if json:
        emit_json(
            {
                "bucket": store.bucket,
                "backups": [each.manifest.model_dump(mode="json") for each in finished if each.manifest],
                "not_backups": [{"folder": each.folder, "problem": each.problem} for each in others],
            }
        )
        return
    now = datetime.now(UTC)
    table(
        f"{store.bucket}: {len(finished)} backup{'s' if len(finished) != 1 else ''}",
        ("id", "what", "finished (UTC)", "age", "size", "site", "epoch", "kept until"),
        [_row(each, now) for each in finished],
    )
    for each in others:
        say(f"no backup: {each.folder} ({each.problem}; {decimal(each.stored_bytes)})", "yellow")


def age(value: timedelta) -> str:
    """`3 h`: whole units, rounded down; a time in the future shows as one."""
    seconds = int(value.total_seconds())
    if seconds < 0:
        return "in the future"
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _row(each: "Entry", now: datetime) -> tuple[Any, ...]:
    manifest = each.manifest
    if manifest is None:
        return ()
    return (
        manifest.id,
        f"{manifest.dataset} {manifest.kind}",
        f"{manifest.finished.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        age(now - manifest.finished),
        decimal(manifest.stored_bytes),
        manifest.source.site,
        manifest.source.epoch,
        f"{manifest.retain_until.astimezone(UTC):%Y-%m-%d}",
    )
