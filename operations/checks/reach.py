"""What a failover stands on beside AWS's settings, as far as it can be asked from here: walls, edges, the services'
contract. The part of `dr check account` that does what `dr check wall`, `edge` and `service` do. Keeps nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime

from operations.checks import service, wall
from operations.failover.ports import edge_at
from operations.guard.gate import Address
from operations.monitoring.edge import look_at
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding, Judged, finding_of
from recovery.errors import DrError
from recovery.failover.bundle import Bundle
from recovery.lease.wall import command, doubts
from recovery.plan.plan import SITES, SiteName
from recovery.ports.control_table import WallStore

_KINDS = ("wall", "edge", "contract")


def check(
    load: Callable[[], Bundle], kept: WallStore, *, database: str, resolver: str, now: datetime
) -> Iterator[Finding]:
    """`database` is production's own address, '' when nobody named it; what was kept of its wall then has to do."""
    try:
        bundle = load()
    except DrError as error:
        for name in (f"{kind} {site}" for kind in _KINDS for site in SITES):
            yield Finding(name, UNKNOWN, f"not asked, since there is no bundle: {error.what}", error.next_step)
        return
    places = bundle.endpoints
    databases: dict[SiteName, str] = {"prod": database, "dr": places.standby}
    edges: dict[SiteName, str] = {"prod": places.prod_edge, "dr": places.dr_edge}
    for site in SITES:
        yield finding_of(f"wall {site}", lambda site=site: _wall(bundle, kept, site, databases[site], now))
    for site in SITES:
        yield finding_of(f"edge {site}", lambda site=site: _edge(bundle, edges[site], resolver, now))
    for site in SITES:
        yield finding_of(f"contract {site}", lambda site=site: _contract(bundle, edges[site], resolver, site))


def _wall(bundle: Bundle, kept: WallStore, site: SiteName, database: str, now: datetime) -> Judged:
    """Tried from here; where the database does not answer, what was kept of the last try."""
    why = "--database does not name it"
    if database:
        address = Address.parse(database)
        try:
            tried = wall.check(bundle.plan, site, address.host, address.port)
        except DrError as error:
            why = error.what
        else:
            return Judged(OK, tried.sentence()) if tried.holds else Judged(CRITICAL, tried.sentence(), command(site))
    last = kept.wall(site)
    words = f"not asked from here ({why}); kept"
    if doubt := doubts(last, now):
        level = WARNING if last is None or last.holds else CRITICAL
        return Judged(UNKNOWN if last is None else level, f"{words}: {doubt}", command(site))
    return Judged(OK, f"{words} of {last.at:%Y-%m-%d}: {last.sentence()}" if last else words)


def _edge(bundle: Bundle, address: str, resolver: str, now: datetime) -> Judged:
    edge = edge_at(address, bundle.plan.dns.name, resolver)
    return look_at(edge, edge.name, now=now)


def _contract(bundle: Bundle, address: str, resolver: str, site: SiteName) -> Judged:
    wanted = service.Target(host=bundle.plan.dns.name, address=address, tls=address.endswith(":443"))
    return service.judge(service.check(wanted, service.resolver(resolver), site, bundle.plan.services))
