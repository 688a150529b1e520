"""`dr`: backup, verification and failover of UltraMarket. One module a command; this file only puts them together."""

import sys

import typer

from recovery.errors import EXIT_USAGE, DrError
from scripts import backup, backups, guard, lease, plan, promote, review, status, verify
from scripts.output import ExitWith, errors

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def root() -> None:
    """Backup, verification and failover of UltraMarket.

    Exit codes: 0 done, 1 failed and resumable, 2 refused before any effect, 64 usage; monitors 0/1/2/3.
    """


app.command("plan")(plan.plan)
app.command("guard")(guard.guard)
app.add_typer(lease.app, name="lease")
app.command("backup")(backup.backup)
app.command("backups")(backups.backups)
app.command("verify")(verify.verify)
app.command("status")(status.status)
app.command("promote")(promote.promote)
app.command("review")(review.review)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its documented exit code."""
    try:
        app(args=arguments, prog_name="dr")
    except DrError as error:
        errors.print(f"dr: {error}", markup=False)
        sys.exit(error.exit_code)
    except ExitWith as wanted:
        sys.exit(wanted.code)
    except SystemExit as end:
        # The command-line library ends with 2 for a usage error and 130 after Ctrl-C; 2 means "refused" with us.
        sys.exit(EXIT_USAGE if end.code == 2 else end.code)


if __name__ == "__main__":
    main()
