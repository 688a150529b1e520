"""`dr`: backup, verification and failover of UltraMarket. One module a command; this file only puts them together."""

import errno
import os
import sys
from pathlib import Path

import typer

from recovery.errors import EXIT_FAILED, EXIT_USAGE, DrError
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
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads us has seen enough
        code = EXIT_FAILED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        advice = "make room where the output (or TMPDIR) is, and run the command again"
        errors.print(f"dr: cannot write: {error.strerror}\nNext: {advice}", markup=False)
        code = EXIT_FAILED
    if code == EXIT_FAILED:
        _forget_output()
    sys.exit(code)


def _run(arguments: list[str] | None) -> int | str | None:
    try:
        app(args=arguments, prog_name="dr")
    except DrError as error:
        errors.print(f"dr: {error}", markup=False)
        return error.exit_code
    except ExitWith as wanted:
        return wanted.code
    except SystemExit as end:
        # The command-line library ends with 2 for a usage error and 130 after Ctrl-C; 2 means "refused" with us.
        return EXIT_USAGE if end.code == 2 else end.code
    return 0


def _forget_output() -> None:
    """What could not be written would be tried once more, and complained about, while Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    main()
