"""`dr backups`: what a bucket holds."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from operations.context import Context
from scripts.options import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption, SiteOption
from scripts.output import emit_json

BucketOption = Annotated[
    str, typer.Option("--bucket", help="Whose bucket: prod or dr; default: this site's own, else production's.")
]


def backups(
    bucket: BucketOption = "",
    everything: Annotated[
        bool, typer.Option("--all", help="All of them; else about the last 100 of each kind, by its schedule.")
    ] = False,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    json: JsonOption = False,
) -> None:
    """List the backups of a site's bucket.

    The newest first; a folder without a manifest is none. In the DR bucket a backup is arriving until S3 has copied
    every part of it.

    Example:

    \b
      dr backups --bucket dr
    """
    from operations.copies.buckets import backup_bucket, site_of_bucket
    from operations.copies.listing import list_backups, recent
    from recovery.copies.lifecycle import uploads_end_after
    from scripts.backups_output import print_listing

    context = Context.load(plan, account, site)
    whose = site_of_bucket(context, bucket)
    store = backup_bucket(context, whose)
    now = datetime.now(UTC)
    found = list_backups(store, now=now, since=None if everything else recent(context.plan, now))
    if json:
        emit_json({"bucket": store.bucket, **found.as_dict(now)})
    else:
        print_listing(store.bucket, found, now, uploads_end_after(context.plan, whose))
