"""The options of `dr promote`, and what they ask for together."""

from pathlib import Path
from typing import Annotated

import typer

from recovery.copies.recovery_target import Target
from recovery.failover.restoring import Wish

ExecuteOption = Annotated[bool, typer.Option("--execute", help="Do it. Without: show what would be done.")]
AfterOption = Annotated[
    str, typer.Option("--after", metavar="corruption", help="Go back to --to on purpose, whoever holds the lease.")
]
ToOption = Annotated[
    str, typer.Option("--to", metavar="TIME|LSN", help="With --after: the last moment at which all was well.")
]
GiveUpOption = Annotated[
    bool, typer.Option("--give-up", help="Take a half-done --after corruption back, before the lease is taken.")
]
ResolverOption = Annotated[
    list[str] | None, typer.Option("--resolver", help="DNS server IP:PORT to verify the name with; may be repeated.")
]
JournalOption = Annotated[Path, typer.Option("--journal-dir", help="Local journals.")]
LostOption = Annotated[
    str, typer.Option("--production-is-lost", metavar="REASON", help="Override: production seems alive.")
]
LossOption = Annotated[
    str, typer.Option("--accept-loss", metavar="DURATION", help="Override: lose orders beyond the RPO, or on purpose.")
]
LocalOption = Annotated[
    bool, typer.Option("--local-journal", help="Override: go on without the journal in the control table.")
]
UnprovenOption = Annotated[
    bool, typer.Option("--guard-unproven", help="Override: the DR guard has not shown that it works.")
]
RoomOption = Annotated[
    bool, typer.Option("--without-room", help="Override: nodes are missing for the services; add them meanwhile.")
]
UndrainedOption = Annotated[
    bool, typer.Option("--log-undrained", help="Override: leave log in the bucket that the standby lacks.")
]

NoRedisOption = Annotated[
    bool, typer.Option("--without-redis", help="Override: go on although Redis cannot be promoted.")
]


def wish_of(after: str, to: str, *, give_up: bool = False) -> Wish | None:
    """What is to be restored first. Raises typer.BadParameter for options that do not go together, and Refused for what
    is no moment."""
    if not after and not to:
        return None
    if give_up:
        raise typer.BadParameter("--give-up takes back what is there: it goes without --after and --to")
    if after != "corruption":
        raise typer.BadParameter(f"expected corruption, found {after!r}" if after else "--to goes with --after")
    if not to:
        raise typer.BadParameter("--after corruption needs --to: the last moment at which all was well")
    target = Target.parse(to)
    if target.time is None and target.position is None:
        raise typer.BadParameter(f"--to: after corruption a time or an LSN, not {to}: which moment do you mean?")
    return Wish(to)
