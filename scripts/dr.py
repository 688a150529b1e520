"""`dr`: backup, verification and failover of UltraMarket. One module a command; this file only puts them together."""

import sys

import click
import typer

from recovery.errors import EXIT_FAILED, EXIT_USAGE, DrError
from scripts import plan
from scripts.output import errors

app = typer.Typer(
    help=(__doc__ or "") + "\n\nExit codes: 0 done, 1 failed and resumable, 2 refused before any effect, 64 usage.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("plan")(plan.plan)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its documented exit code."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="dr", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        errors.print(help_wanted.ctx.get_help(), markup=False)
        sys.exit(EXIT_USAGE)
    except click.UsageError as error:
        errors.print(f"dr: {error.format_message()}", markup=False)
        errors.print(f"Next: see `{error.ctx.command_path if error.ctx else 'dr'} --help`", markup=False)
        sys.exit(EXIT_USAGE)
    except click.exceptions.Abort:
        errors.print("stopped; run the same command again to resume", markup=False)
        sys.exit(EXIT_FAILED)
    except DrError as error:
        errors.print(f"dr: {error}", markup=False)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
