"""`dr verify`: prove that a backup is what its manifest promises."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from operations.context import Context
from recovery.errors import Corrupt
from recovery.names import SCRATCH
from scripts.options import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption, SiteOption
from scripts.output import console, emit_json, say

if TYPE_CHECKING:
    from engines.catalog import Entry
    from recovery.copies.manifest import Manifest

ScratchOption = Annotated[
    Path | None,
    typer.Option("--scratch", envvar=SCRATCH, help="Folder with room for the backup's WAL; default: TMPDIR."),
]


def verify(
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="Which backup: its id (`dr backups`), or latest.")
    ] = "latest",
    dataset: Annotated[str, typer.Option(help="Of which dataset.")] = "",
    kind: Annotated[str, typer.Option(help="Of which kind.")] = "",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    scratch: ScratchOption = None,
    json: JsonOption = False,
) -> None:
    """Check every byte of a backup.

    It is downloaded from the site's bucket; on the way its size, its SHA-256 and every file are checked, then the WAL.

    `latest` without --dataset and --kind is the latest full backup of PostgreSQL. In the DR bucket a newer one may
    still be arriving: it is passed over, and said.

    Exit codes: 0 verified, 1 damaged or not reachable, 2 could not be checked here, or not yet.

    Example:

    \b
      dr verify latest --site dr
    """
    from operations.copies.buckets import backup_bucket, site_of_bucket
    from operations.copies.verify import verify as check

    context = Context.load(plan, account, site)
    store = backup_bucket(context, site_of_bucket(context, ""))

    def found(key: str, manifest: "Manifest") -> None:
        say(f"checking {key}: {decimal(manifest.stored_bytes)} from {store.bucket}")

    now = datetime.now(UTC)
    passed: list[dict[str, str]] = []

    def passed_over(entry: "Entry") -> None:
        passed.append({"id": entry.id, "problem": entry.problem(now)})
        say(f"passed over: {entry.id} ({entry.problem(now)})", "yellow")

    try:
        key, manifest, verdict = check(
            store,
            wanted,
            dataset=dataset,
            kind=kind,
            environment=dict(os.environ),
            scratch=scratch or Path(tempfile.gettempdir()),
            now=now,
            found=found,
            passed_over=passed_over,
        )
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
                "passed_over": passed,
                "files": verdict.files,
                "bytes": verdict.bytes,
                "raw_bytes": verdict.raw_bytes,
                "seconds": round(verdict.seconds, 3),
            }
        )
        return
    console.print(
        f"verified: {manifest.dataset} {manifest.kind} {manifest.id}, {verdict.files:,} files, "
        f"{decimal(verdict.raw_bytes)}, from {manifest.start_position} to {manifest.stop_position}, "
        f"{verdict.seconds:.1f} s",
        markup=False,
    )
