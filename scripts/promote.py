"""`dr promote`: make the DR site the one that takes orders. Shows what it would do; `--execute` does and resumes it."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from recovery.preflight import Overrides
from recovery.units import parse_duration
from scripts.context import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption

BundleOption = Annotated[str, typer.Option("--bundle", envvar="DR_BUNDLE", help="s3://… or a file.")]
ResolverOption = Annotated[
    list[str] | None, typer.Option("--resolver", help="DNS server IP:PORT to verify the name with; may be repeated.")
]
KubeconfigOption = Annotated[Path | None, typer.Option("--kubeconfig", help="Of the DR cluster; default KUBECONFIG.")]


def promote(
    bundle: BundleOption = "",
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without: show what would be done.")] = False,
    resolver: ResolverOption = None,
    journal_dir: Annotated[Path, typer.Option("--journal-dir", help="Local journals.")] = Path("dr-journal"),
    kubeconfig: KubeconfigOption = None,
    production_is_lost: Annotated[
        str, typer.Option("--production-is-lost", metavar="REASON", help="Override: production seems alive.")
    ] = "",
    accept_loss: Annotated[
        str, typer.Option("--accept-loss", metavar="DURATION", help="Override: lose orders beyond the RPO.")
    ] = "",
    local_journal: Annotated[
        bool, typer.Option("--local-journal", help="Override: go on without the journal in the control table.")
    ] = False,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Make the DR site the one that takes orders.

    Without --execute it only reads: preflight, the steps, the forecast of time and loss. Run it again after any
    interruption; it resumes. Exit codes: 0 done (or it could go), 1 failed and resumable, 2 refused before any effect.

    Example: dr promote --bundle s3://…/bundle.json   then the same with --execute
    """
    started = time.monotonic()
    overrides = Overrides(
        production_is_lost=production_is_lost.strip(),
        accept_loss=_duration(accept_loss),
        local_journal=local_journal,
    )
    # Imported here: database, DNS and AWS clients take long to load, and other commands must start fast.
    from scripts.promotion import start

    start(
        Request(
            bundle=bundle,
            plan=plan,
            account=account,
            overrides=overrides,
            resolvers=tuple(resolver or ()),
            journal_dir=journal_dir,
            kubeconfig=kubeconfig,
            execute=execute,
            json=json,
            started=started,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the operator asked for. `started`: monotonic seconds at the start of the command."""

    bundle: str
    plan: Path
    account: str
    overrides: Overrides
    resolvers: tuple[str, ...]
    journal_dir: Path
    kubeconfig: Path | None
    execute: bool
    json: bool
    started: float


def _duration(text: str) -> timedelta | None:
    if not text:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--accept-loss") from None
