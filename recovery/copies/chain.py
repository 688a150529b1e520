"""What an incremental PostgreSQL backup may build on, and when a full is made instead.

An incremental is worth what its chain is worth, down to its full, and what the server knew to have changed. So a chain
never crosses a timeline, another system, a takeover or an update of the server, and is made and used only where
PostgreSQL's incrementals can be trusted. A full and the log alone reach every moment without any of this.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from recovery.copies.manifest import Manifest
from recovery.copies.retention import FULL
from recovery.errors import Corrupt

OLDEST_MAJOR = 17
TRUSTED_FROM = {17: 12, 18: 7}
"""Major → the first minor whose incrementals hold what they should: https://www.postgresql.org/docs/release/18.7/
("existing incremental backup files should not be trusted"). Majors above were released with the correction."""
RATHER = "use the full before it and the log, which reach the same moments: `dr restore` does so by itself"
_LONGEST = 1000  # of a chain; a circle would be longer
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class Server:
    """What is asked for an incremental: the server as it is now, and the lease's epoch."""

    version: str
    system: str
    timeline: int
    epoch: int


def distrust(version: str, accepted: str) -> str:
    """Why incrementals of PostgreSQL `version` are neither made nor used, empty when they are. `accepted` is the
    override: the one version whose incrementals are taken as they are."""
    found = _VERSION.match(version)
    major, minor = (int(found[1]), int(found[2])) if found else (0, 0)
    if major < OLDEST_MAJOR:
        return f"PostgreSQL {version} makes no incremental backups; {OLDEST_MAJOR} and later do"
    trusted = TRUSTED_FROM.get(major, 0)
    if minor >= trusted or version == accepted:
        return ""
    return (
        f"incremental backups of PostgreSQL {version} can restore stale data; {major}.{trusted} and later are trusted"
    )


def why_none(version: str, accepted: str, *, hints_are_logged: bool) -> str:
    """Why a server's incrementals are not to be made, whatever they would build on; empty when they may be.

    `hints_are_logged`: by `data_checksums` or `wal_log_hints`.
    """
    if distrust(version, accepted) or hints_are_logged:
        return distrust(version, accepted)
    return "the server has data_checksums and wal_log_hints both off: its incrementals can miss what a truncation left"


def why_not_onto(chain: tuple[Manifest, ...], server: Server, *, now: datetime, longest: timedelta) -> str:
    """Why `server` must not build on `chain`, its full first; empty when it may.

    `longest`: how old the full may be. The plan makes the next one by then, and locks it for as long as what is built
    on it until then.
    """
    full, parent = chain[0], chain[-1]
    source = parent.source
    if source.system_identifier != server.system:
        return f"{parent.id} is of system {source.system_identifier}, this is system {server.system}"
    if source.epoch != server.epoch:
        return f"{parent.id} was made before the site took over (epoch {source.epoch}, now {server.epoch})"
    if source.timeline != server.timeline:
        return f"{parent.id} is of timeline {source.timeline}, the server is on {server.timeline}"
    for each in chain:
        if each.source.server_version != server.version:
            return f"{each.id} was made by PostgreSQL {each.source.server_version}, the server is {server.version} now"
    if now - full.started > longest:
        return f"the full below it, {full.id}, is older than a full ever is by the plan: one was missed"
    return ""


def chain_of(tip: Manifest, parent: Callable[[Manifest], Manifest | None]) -> tuple[Manifest, ...]:
    """All that a restore of `tip` needs, its full first and itself last; `parent` finds what a copy builds on.

    Raises Corrupt when something is missing or does not belong to it.
    """
    chain = [tip]
    while chain[0].kind != FULL:
        child = chain[0]
        below = parent(child)
        if below is None or len(chain) > _LONGEST:
            raise Corrupt(
                f"{tip.id} cannot be restored: {child.id} builds on {child.parent}, which is not (all) in this bucket",
                next_step=RATHER,
            )
        mine, its = child.source, below.source
        if (mine.system_identifier, mine.epoch, mine.timeline) != (its.system_identifier, its.epoch, its.timeline):
            raise Corrupt(
                f"{tip.id} cannot be restored: {child.id} builds on {below.id}, which is of another system, epoch or "
                "timeline",
                next_step="use another backup (`dr backups`), and find out who wrote this object",
            )
        chain.insert(0, below)
    return tuple(chain)


def usable(copies: Iterable[Manifest], accepted: str | None) -> tuple[dict[str, tuple[Manifest, ...]], dict[str, str]]:
    """The chains of those incrementals among `copies` that a restore may use, and why it may not use the others, both
    by id. An incremental says nothing of what it misses, so what was made under the override needs it again."""
    known = {each.id: each for each in copies}
    chains: dict[str, tuple[Manifest, ...]] = {}
    others: dict[str, str] = {}
    for each in known.values():
        if each.kind == FULL:
            continue
        try:
            chain = chain_of(each, lambda child: known.get(child.parent or ""))
        except Corrupt as error:
            others[each.id] = error.what
            continue
        if why := next(filter(None, (distrust(one.source.server_version, accepted or "") for one in chain[1:])), ""):
            others[each.id] = f"{each.id} is not used: {why}"
        else:
            chains[each.id] = chain
    return chains, others
