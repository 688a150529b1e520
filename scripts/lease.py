"""`dr lease`: give the site lease to production once, and show who holds it. A module a command."""

import typer

from scripts.lease_init import init
from scripts.lease_show import show
from scripts.lease_system import system
from scripts.options import PLAIN, Command

app = typer.Typer(no_args_is_help=True, help="The site lease: which site may write.", **PLAIN)
for each in (init, show, system):
    app.command(each.__name__, cls=Command)(each)
