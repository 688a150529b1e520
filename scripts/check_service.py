"""`dr check service`: whether an edge speaks the services' contract (docs/service-contract.md)."""

from collections.abc import Sequence
from typing import Annotated

import typer

from recovery.errors import Refused
from recovery.site.contract_check import PAGE, Clause
from scripts.options import JsonOption
from scripts.output import ExitWith, emit_json, say, table

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="What customers ask: https://api.ultramarket.com")]
EdgeOption = Annotated[str, typer.Option("--edge", metavar="HOST[:PORT]", help="Ask this edge under the URL's name.")]
SiteOption = Annotated[str, typer.Option("--site", help="The site that should answer: prod or dr.")]
ResolverOption = Annotated[str, typer.Option("--resolver", metavar="IP[:PORT]", help="DNS server; default: its own.")]


def service(
    url: UrlArgument,
    edge: EdgeOption = "",
    site: SiteOption = "prod",
    resolver: ResolverOption = "",
    json: JsonOption = False,
) -> None:
    """Check that an edge speaks the services' contract.

    Anybody may run it against production today: it needs no credentials, places no order and leaves nothing behind.

    Exit codes: 0 every clause holds, 2 one does not, 3 nobody answers.

    Examples:

    \b
      dr check service https://api.ultramarket.com
      dr check service https://api.ultramarket.com --edge edge-dr.ultramarket.com --site dr
    """
    from operations.checks import service as checks

    if site not in ("prod", "dr"):
        raise Refused(f"no such site: {site!r}", next_step="name prod or dr with --site")
    clauses = checks.check(checks.target(url, edge), checks.resolver(resolver), site)
    failed = [clause for clause in clauses if not clause.holds]
    if json:
        emit_json({"url": url, "edge": edge, "site": site, "speaks": not failed, "clauses": [*map(_plain, clauses)]})
    else:
        table("", ("clause", "", "services", "seen"), _rows(clauses))
        for step in dict.fromkeys(clause.next_step for clause in failed):
            say(f"Next: {step}")
        say(f"The contract, with reasons: {PAGE}" if failed else f"{url} speaks the services' contract.")
    raise ExitWith(checks.judge(clauses).level)


def _plain(clause: Clause) -> dict[str, object]:
    return {
        "service": clause.service,
        "clause": clause.name,
        "holds": clause.holds,
        "seen": clause.seen,
        "next_step": clause.next_step,
    }


def _rows(clauses: Sequence[Clause]) -> list[tuple[str, str, str, str]]:
    """A row a clause, verdict and sight; services of which the same is to be said share it."""
    names: dict[tuple[str, bool, str], list[str]] = {}
    for clause in clauses:
        # How long each took would give every service a row of its own.
        names.setdefault((clause.name, clause.holds, _timeless(clause)), []).append(clause.service)
    order = list(dict.fromkeys(clause.name for clause in clauses))
    return [
        (name, "OK" if holds else "not", ", ".join(names[name, holds, seen]), seen)
        for name, holds, seen in sorted(names, key=lambda key: order.index(key[0]))
    ]


def _timeless(clause: Clause) -> str:
    return clause.seen.partition(" in ")[0] if clause.name == "answers" and clause.holds else clause.seen
