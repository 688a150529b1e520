"""`dr verify`: prove that a backup is what its manifest promises."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.context import Context
from recovery.names import SCRATCH
from scripts.options import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption, SiteOption

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
    from scripts.verify_output import Report

    context = Context.load(plan, account, site)
    store = backup_bucket(context, site_of_bucket(context, ""))

    now = datetime.now(UTC)
    report = Report(store.bucket, wanted, now, json=json)
    with report.running():
        key, manifest, verdict = check(
            store,
            wanted,
            dataset=dataset,
            kind=kind,
            environment=dict(os.environ),
            scratch=scratch or Path(tempfile.gettempdir()),
            now=now,
            found=report.found,
            passed_over=report.passed_over,
        )
    report.done(key, manifest, verdict)
