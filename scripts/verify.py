"""`dr verify`: prove that a backup is what its manifest promises."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from recovery.errors import Corrupt
from scripts.context import DEFAULT_PLAN, AccountOption, Context, JsonOption, PlanOption, SiteOption
from scripts.output import console, emit_json, say

ScratchOption = Annotated[
    Path | None, typer.Option("--scratch", help="Folder with room for the unpacked backup; default: TMPDIR.")
]


def verify(
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="Which backup: its id (`dr backups`), or latest.")
    ] = "latest",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    scratch: ScratchOption = None,
    json: JsonOption = False,
) -> None:
    """Download a backup from the site's bucket and check all of it: size, SHA-256, every file, the WAL.

    Exit codes: 0 verified, 1 damaged or not reachable, 2 could not be checked here.

    Example: dr verify latest --site dr
    """
    from engines.catalog import find
    from engines.postgres_verify import verify as check
    from scripts.copies import backup_bucket, site_of_bucket

    context = Context.load(plan, account, site)
    store = backup_bucket(context, site_of_bucket(context, ""))
    try:
        key, manifest = find(store, wanted, dataset="postgres", kind="full")
        say(f"checking {key}: {decimal(manifest.stored_bytes)} from {store.bucket}")
        verdict = check(store, manifest, environment=dict(os.environ), scratch=scratch or Path(tempfile.gettempdir()))
    except Corrupt as error:
        if json:
            emit_json({"bucket": store.bucket, "wanted": wanted, "verified": False, "problem": error.what})
        raise
    if json:
        emit_json(
            {
                "bucket": store.bucket,
                "wanted": wanted,
                "verified": True,
                "manifest": key,
                "id": manifest.id,
                "files": verdict.files,
                "bytes": verdict.bytes,
                "raw_bytes": verdict.raw_bytes,
                "seconds": round(verdict.seconds, 3),
            }
        )
        return
    console.print(
        f"verified: {manifest.dataset} {manifest.kind} {manifest.id}, {verdict.files:,} files, "
        f"{decimal(verdict.raw_bytes)}, WAL {manifest.start_position} to {manifest.stop_position}, "
        f"{verdict.seconds:.1f} s",
        markup=False,
    )
