"""The commands of `dr`, one module each, loaded only when it is called: `dr --help` loads none."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from scripts.options import PLAIN, Command

COMMANDS = {
    "plan": "Check the recovery plan and print it as tables.",
    "guard": "Keep the gate to this site's primary.",
    "backup": "Back up a dataset into this site's bucket.",
    "ship-log": "Follow a database's log into the DR bucket.",
    "serve-log": "Give the standby its log out of the DR bucket.",
    "backups": "List the backups of a site's bucket.",
    "prune": "End the copies that have served their time.",
    "verify": "Check every byte of a backup.",
    "restore": "Bring a dataset back as it was at some point.",
    "status": "Show everything a failover depends on.",
    "check": "Check what a failover depends on, from outside.",
    "promote": "Make the DR site the one that takes orders.",
    "review": "Say whether a preview weakens the protection.",
    "name": "The public name, and taking over one in use.",
    "lease": "The site lease: which site may write.",
}
"""name (its module's, with `_` for `-`) → the first sentence of its help, short enough for one line of `dr --help`."""


class _OnDemand(TyperGroup):
    """Knows its commands' names and short help; loads the one that is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(COMMANDS)  # for "did you mean"

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, None when there is none of this name."""
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands in `dr --help`."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def load(name: str) -> Any:
    """A command from its module: the function of the same name, or an `app` with commands of its own."""
    module_name = name.replace("-", "_")
    module = import_module(f"scripts.{module_name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(**PLAIN)
        app.command(name, cls=Command)(getattr(module, module_name))
    return get_command(app)


def program() -> Any:
    """All of `dr`."""
    app = typer.Typer(cls=_OnDemand, no_args_is_help=True, **PLAIN)
    app.callback()(_root)
    return get_command(app)


def _root() -> None:
    """Backup, verification and failover of UltraMarket.

    Exit codes: 0 done, 1 failed and resumable, 2 refused before any effect, 64 usage. Of `status` and
    `check`: 0 ok, 1 warning, 2 critical, 3 unknown.
    """
