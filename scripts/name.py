"""`dr name`: the public name. `adopt` puts the failover pair in the place of the record that customers use today."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.options import DEFAULT_PLAN, PLAIN, Command, JsonOption, PlanOption
from scripts.output import emit_json, say, table

if TYPE_CHECKING:
    from operations.public_name import Adoption
    from recovery.site.public_name import Takeover

app = typer.Typer(no_args_is_help=True, help="The public name, and taking over one in use.", **PLAIN)
IMPORT = (
    "pulumi config set ultramarket-dr:nameAdopted true --stack foundation",
    "pulumi up --stack foundation",
)
"""With that key the two records are imported into the state, not made."""


@app.callback()
def _name() -> None:
    """A group, though it has one command."""


@app.command("adopt", cls=Command)
def adopt(
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without: show what would be done.")] = False,
    stack_file: Annotated[Path, typer.Option("--stack-file", help="Foundation's: zone and edges.")] = Path(
        "Pulumi.foundation.yaml"
    ),
    resolver: Annotated[str, typer.Option("--resolver", help="DNS server IP:PORT that knows the edges.")] = "",
    plan: PlanOption = DEFAULT_PLAN,
    json: JsonOption = False,
) -> None:
    """Put the failover pair in the place of a name's record.

    One batch, all of it or nothing: the old record goes and the pair comes, both leading to production. Without
    --execute it prints the batch. For a person who administers the zone; no role of ours may.

    Example:

    \b
      dr name adopt
      dr name adopt --execute
    """
    from operations.public_name import Adoption
    from operations.stack_file import read_foundation
    from recovery.plan.loading import load_plan

    loaded = load_plan(plan)
    adoption = Adoption.open(loaded, read_foundation(stack_file), resolver)
    shown = adoption.look()
    if execute:
        adoption.execute(shown)
    if json:
        emit_json({"executed": execute, "batch": shown.batch(), "then": list(IMPORT)})
    elif execute:
        say(f"{adoption.wanted.name} is the failover pair now. Then:")
        say("\n".join(f"  {line}" for line in IMPORT))
    else:
        _show(adoption, shown)


def _show(adoption: "Adoption", shown: "Takeover") -> None:
    wanted = adoption.wanted
    rows = [
        ("today", ", ".join(shown.leads_to())),
        ("PRIMARY", f"{wanted.edges['prod']} ({adoption.address_of(wanted.edges['prod'])})"),
        ("SECONDARY", f"{wanted.edges['dr']}, asked only after a promotion"),
    ]
    table(wanted.name, ("record", "leads to"), rows)
    emit_json(shown.batch())
    say("See that PRIMARY leads where customers go today. Keep this output: its DELETE has the old record. Then:")
    say("\n".join(f"  {line}" for line in ("dr name adopt --execute", *IMPORT)))
