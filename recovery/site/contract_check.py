"""Whether an edge speaks the services' contract: answers in, one verdict a clause out."""

from collections.abc import Iterator
from dataclasses import dataclass

from recovery.plan.plan import SiteName
from recovery.ports.edge import HttpAnswer
from recovery.site.service_contract import (
    PROBE_PATH,
    PROBED,
    foreign_words,
    health_path,
    is_epoch,
    own_words,
    read_health,
)

SLOWEST_SECONDS = 1.5
"""What a promotion waits for an answer."""
PAGE = "docs/service-contract.md"
_REACH = "see that this is the edge's address and that it can be reached"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An answer with the seconds it took, or why there is none."""

    answer: HttpAnswer | None = None
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One clause at one service. `next_step` is empty when it holds; `silent`: nobody answered, which is no proof."""

    service: str
    name: str
    seen: str
    next_step: str = ""
    silent: bool = False

    @property
    def holds(self) -> bool:
        """Whether the service keeps it."""
        return not self.next_step


def judge_health(service: str, asked: Asked, site: SiteName) -> Iterator[Clause]:
    """Every clause about a service's health, in the page's order."""

    def clause(name: str, seen: str, holds: bool, next_step: str) -> Clause:
        return Clause(service=service, name=name, seen=seen, next_step="" if holds else next_step)

    path, answer = health_path(service), asked.answer
    if answer is None:
        yield Clause(service=service, name="answers", seen=asked.why, next_step=_REACH, silent=True)
        return
    yield clause(
        "answers",
        f"HTTP {answer.status} in {asked.seconds:.2f} s",
        asked.seconds <= SLOWEST_SECONDS,
        f"answer within {SLOWEST_SECONDS:g} s, also when the database does not answer",
    )
    body = own_words(answer)
    if not body:
        yield clause("own words", foreign_words(answer), False, _advice(answer.status, path))
        return
    yield clause("own words", f"a JSON object with HTTP {answer.status}", True, "")
    said = body.get("site")
    yield clause("site", f"{said!r}", said == site, f"answer the variable SITE as `site`; {site!r} is expected here")
    alive, epoch = answer.status == 200, body.get("epoch")
    yield clause(
        "epoch",
        f"{epoch!r}",
        is_epoch(epoch) if alive else epoch is None or is_epoch(epoch),
        "read `epoch` from the table dr.site at each request; null when the database does not answer",
    )
    database = body.get("database")
    yield clause(
        "database",
        f"{database!r} with HTTP {answer.status}",
        isinstance(database, str) and database != "" and (database == "ok") == alive,
        'answer 200 with `database` "ok" when the database was just read, else 503 with a word for what is wrong',
    )
    cached = answer.headers.get("cache-control", "")
    yield clause(
        "not cached",
        f"Cache-Control: {cached or 'none'}",
        "no-store" in cached.lower(),
        "send `Cache-Control: no-store`, so that nothing on the way answers with an epoch of the past",
    )


def judge_probe(asked: Asked, health: Asked, site: SiteName) -> Clause:
    """The write probe, held against what the same service says of its health."""

    def clause(seen: str, next_step: str = "") -> Clause:
        return Clause(service=PROBED, name="write probe", seen=seen, next_step=next_step)

    answer = asked.answer
    if answer is None:
        return Clause(service=PROBED, name="write probe", seen=asked.why, next_step=_REACH, silent=True)
    body = own_words(answer)
    write = body.get("write")
    if write not in ("accepted", "refused") or (write == "accepted") != (answer.status == 200):
        return clause(foreign_words(answer), _advice(answer.status, f"POST {PROBE_PATH}"))
    if body.get("site") != site:
        return clause(f"site {body.get('site')!r}", f"answer the variable SITE as `site`; {site!r} is expected here")
    reads = health.answer is not None and read_health(health.answer).database == "ok"
    if reads and write == "refused":
        return clause(
            f"refused ({body.get('database')}), although the database can be read",
            "grant the application INSERT on dr.probe; if it has that, the database behind this site is read-only",
        )
    return clause(f"{write} with HTTP {answer.status}")


def _advice(status: int, path: str) -> str:
    if status in (401, 403):
        return f"let {path} through without a login: it says nothing that customers may not know"
    return f"answer at {path} as {PAGE} says"
