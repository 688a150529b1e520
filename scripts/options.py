"""What commands share: their class and their options."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from recovery.errors import Failed, Refused
from scripts.interruption import interruptible

if TYPE_CHECKING:
    from operations.guard.gate import Address

Found = TypeVar("Found")
PlanOption = Annotated[Path, typer.Option("--plan", envvar="DR_PLAN", help="The recovery plan.")]
AccountOption = Annotated[
    str, typer.Option("--account", envvar="DR_ACCOUNT", help="AWS account; default: the one of the credentials.")
]
SiteOption = Annotated[str, typer.Option("--site", envvar="DR_SITE", help="The site this runs at: prod or dr.")]
BundleOption = Annotated[str, typer.Option("--bundle", envvar="DR_BUNDLE", help="s3://… or a file.")]
KubeconfigOption = Annotated[Path | None, typer.Option("--kubeconfig", help="Of the DR cluster; default KUBECONFIG.")]
AcceptIncrementalsOption = Annotated[
    str,
    typer.Option(
        envvar="DR_ACCEPT_INCREMENTALS_OF",  # recovery.names.ACCEPTED_INCREMENTALS
        metavar="VERSION",
        help="Override: trust incrementals of this PostgreSQL, older than 17.12 or 18.7.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DEFAULT_PLAN = Path("recovery.yaml")
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}
"""How every typer.Typer of ours is made."""


class Command(TyperCommand):
    """A command that can be interrupted, and that says which option named a path that does not work."""

    def invoke(self, ctx: Any) -> Any:
        """Run it. Raises Failed for a path of one of its options."""
        try:
            with interruptible():
                return super().invoke(ctx)
        except OSError as error:
            if option := self._option(ctx, error.filename):
                raise Failed(
                    f"{option} {error.filename}: {error.strerror}", next_step=f"name another place with {option}"
                ) from None
            raise

    def _option(self, ctx: Any, filename: object) -> str:
        """The option whose path `filename` is, or lies in."""
        if not isinstance(filename, str):
            return ""
        for option in self.params:
            value = ctx.params.get(option.name)
            if isinstance(value, Path) and Path(filename).is_relative_to(value):
                return option.opts[0]
        return ""


def named(find: Callable[[], Found]) -> Found:
    """What is registered under a command's arguments. Raises typer.BadParameter naming what there is."""
    try:
        return find()
    except Refused as error:
        raise typer.BadParameter(f"{error.what}; {error.next_step}") from None


def database_address(text: str, option: str = "--database") -> "Address":
    """A database's own, as `option` names it. Raises typer.BadParameter."""
    from operations.guard.gate import Address

    try:
        address = Address.parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None
    if address.socket:
        raise typer.BadParameter(f"{option}: expected HOST:PORT, found a Unix socket, which is the gate's own way")
    return address


IfActiveOption = Annotated[
    bool, typer.Option("--if-active", help="For a schedule: end well, having done nothing, at the inactive site.")
]
IfDueOption = Annotated[
    bool,
    typer.Option(
        "--if-due",
        help="Only where a full backup is due before its schedule: none is of this epoch, or none is newer than a gap "
        "in the log.",
    ),
]
