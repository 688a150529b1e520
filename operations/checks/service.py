"""Asks an edge what the services' contract says, as anybody could: no credentials, no order, nothing stays behind."""

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from cloud.edge import HttpEdge
from cloud.resolver import Resolver, is_address, parse_server, system_server
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, Judged
from recovery.errors import DrError, Refused
from recovery.plan.plan import SERVICES, SiteName
from recovery.site.contract_check import PAGE, Asked, Clause, judge_health, judge_probe
from recovery.site.service_contract import PROBE_PATH, PROBED, health_path

_PATIENCE_SECONDS = 5.0
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where customers ask (`host`), and which address is asked in its place (`address`, host:port)."""

    host: str
    address: str
    tls: bool


def target(url: str, edge: str = "") -> Target:
    """From a URL such as https://api.example.com, and an edge's host:port if another is to be asked under that name.

    Raises Refused."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise Refused(f"not a URL: {url!r}: {error}", next_step=_EXAMPLE) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
        raise Refused(f"not a URL of scheme, host and port alone: {url!r}", next_step=_EXAMPLE)
    if edge and (":" not in edge or not edge.rpartition(":")[2].isdigit()):
        edge = f"{edge}:{port}"
    return Target(host=parts.hostname, address=edge or f"{parts.hostname}:{port}", tls=parts.scheme == "https")


_EXAMPLE = "write it as https://api.ultramarket.com; paths are the contract's own"


def resolver(server: str) -> Resolver:
    """The DNS server named, else this machine's. Raises Refused."""
    address, port = parse_server(server) if server else system_server()
    return Resolver(address, port, caches=True)


def check(wanted: Target, resolver: Resolver, site: SiteName, services: Collection[str] = SERVICES) -> list[Clause]:
    """Every clause at every service; all are asked at once, the write probe last."""
    if not is_address(wanted.address.rpartition(":")[0]):
        resolver.address(wanted.address.rpartition(":")[0])  # once for all; an unknown name is one message
    edge = HttpEdge(wanted.address, host=wanted.host, resolver=resolver, timeout=_PATIENCE_SECONDS, tls=wanted.tls)
    with ThreadPoolExecutor(len(services)) as pool:
        found = dict(zip(services, pool.map(lambda name: _ask(edge, "GET", health_path(name)), services), strict=True))
    clauses = [clause for service, asked in found.items() for clause in judge_health(service, asked, site)]
    if PROBED in found:
        clauses.append(judge_probe(_ask(edge, "POST", PROBE_PATH), found[PROBED], site))
    return clauses


def judge(clauses: Collection[Clause]) -> Judged:
    """All of them as one finding: a clause that is broken is certain, silence is not."""
    broken = [clause for clause in clauses if not clause.holds and not clause.silent]
    failed = broken or [clause for clause in clauses if not clause.holds]
    if not failed:
        services = {clause.service for clause in clauses}
        return Judged(OK, f"{len(services)} services, {len(clauses)} clauses kept")
    words = "; ".join(dict.fromkeys(f"{each.service}: {each.name}: {each.seen}" for each in failed))
    steps = "; ".join(dict.fromkeys(each.next_step for each in failed))
    return Judged(CRITICAL if broken else UNKNOWN, words, f"{steps} ({PAGE})")


def _ask(edge: HttpEdge, method: str, path: str) -> Asked:
    started = time.monotonic()
    try:
        answer = edge.fetch(method, path)
    except DrError as error:
        return Asked(why=error.what)
    return Asked(answer=answer, seconds=time.monotonic() - started)
