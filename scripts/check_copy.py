"""`dr check copy`: whether production's PostgreSQL can be copied into a folder here."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.options import JsonOption


def copy(
    into: Annotated[Path, typer.Option("--into", help="The folder, or the disk's, that the copy would go to.")],
    json: JsonOption = False,
) -> None:
    """Ask PostgreSQL what a copy of it would be.

    It asks the server that libpq's variables name, as a backup begins (a role with REPLICATION; a checkpoint is all
    that it costs), and ends it. The standby asks so before it fills an empty disk.

    Exit codes: 0 it fits, 1 it has tablespaces, which only a copy out of the bucket can take elsewhere, 2 it does not
    fit, 3 the server does not say.

    Example:

    \b
      PGHOST=primary PGUSER=dr_replication dr check copy --into /var/lib/postgresql
    """
    from operations.checks.copy import check
    from operations.monitoring.findings import Finding, finding_of
    from scripts.findings_output import show

    found: Finding = finding_of("copy", lambda: check(into))
    show([found], json=json)
