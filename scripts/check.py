"""`dr check`: single things that a failover stands on, asked from outside. A module a command."""

import typer

from scripts.check_account import account
from scripts.check_copy import copy
from scripts.check_destroy import destroy
from scripts.check_edge import edge
from scripts.check_service import service
from scripts.check_wall import wall
from scripts.options import PLAIN, Command

app = typer.Typer(no_args_is_help=True, **PLAIN)
for each in (account, copy, destroy, edge, service, wall):
    app.command(each.__name__, cls=Command)(each)


@app.callback()
def check() -> None:
    """Check what a failover depends on, from outside.

    Exit codes of every one: 0 ok, 1 warning, 2 critical, 3 unknown (it could not be asked, which proves nothing), 64
    usage.
    """
