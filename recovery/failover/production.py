"""Whether production is dead enough to be replaced: three views on it, and its wall."""

from datetime import datetime, timedelta

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.overrides import LOST, Overrides
from recovery.lease.lease import Lease
from recovery.lease.wall import command, doubts
from recovery.ports.edge import ServiceAnswer


def judge_production(bundle: Bundle, facts: Facts, overrides: Overrides, found: Findings) -> None:
    """Any of three views that sees production alive is enough to refuse."""
    if overrides.production_is_lost:
        return
    advice = f'if you know better, say so: --{LOST} "why" (it is recorded)'
    if isinstance(facts.old_edge, ServiceAnswer):
        _old_edge(bundle, facts.old_edge, advice, found)
    if facts.stream_moves is True:
        found.no("production's database is alive: the DR standby still receives its WAL", advice, LOST)
    if facts.renewing is True:
        found.no("production's guard is alive: it renewed the site lease just now", advice, LOST)
    unseen = [v.why for v in (facts.renewing, facts.stream_moves) if isinstance(v, Unknown)]
    if unseen and not isinstance(facts.lease, Unknown) and not isinstance(facts.standby, Unknown):
        found.no(f"one view on production is missing: {'; '.join(unseen)}", advice, LOST)


def _old_edge(bundle: Bundle, edge: ServiceAnswer, advice: str, found: Findings) -> None:
    """Only an answer in a service's own words says anything about production; anything else blinds this view."""
    address = bundle.endpoints.prod_edge
    check = f"dr check service https://{bundle.plan.dns.name} --edge {address}"
    if edge.site == "prod":
        if edge.status == 200 and edge.database in (None, "ok"):
            found.no("production still takes orders: its edge answers, with its database", advice, LOST)
    elif edge.site == "dr":
        found.no(
            f"production's edge {address} leads to the DR site, so this view on production is missing",
            f"correct `edge` of the prod stack; {advice}",
            LOST,
        )
    elif edge.status >= 500:
        # Behind it may be nobody: a load balancer outlives its region's cluster.
        found.warn(f"production's edge {address} proves nothing: {edge.instead}; see `{check}`")
    else:
        found.no(
            f"production's edge {address} answers, but not as the services' contract says, so nobody can tell from "
            f"here whether it takes orders: {edge.instead}",
            f"see `{check}` and let its services speak docs/service-contract.md; {advice}",
            LOST,
        )


def judge_walls(facts: Facts, overrides: Overrides, now: datetime, found: Findings) -> None:
    """Production's wall known to be open: whoever is past the gate goes on writing, fence or not. That its applications
    are dead is then the operator's word. Whatever else is not known of a wall is a warning: a check needs its site."""
    before_takeover = isinstance(facts.lease, Lease) and facts.lease.site == "prod"
    for site, check in facts.walls.items():
        if isinstance(check, Unknown):
            found.warn(f"whether only the gate reaches {site}'s database is not known: {check.why}")
        elif doubt := doubts(check, now):
            what = f"whether only the gate reaches {site}'s database is not sure: {doubt}"
            if site == "prod" and check and not check.holds and before_takeover and not overrides.production_is_lost:
                advice = f'shut it and {command(site)}; if production is certainly dead, say so: --{LOST} "why"'
                found.no(f"production's database lets applications in past its gate: {doubt}", advice, LOST)
            else:
                found.warn(f"{what}; {command(site)}")


def is_renewing(lease: Lease, renewal: timedelta, *, now: datetime) -> bool | None:
    """Whether the holder renews, from its last heartbeat alone: False when it is too old to be alive, else None,
    and then the renewals have to be watched (clocks of two machines are not compared more closely than that)."""
    if lease.heartbeat is None:
        return None
    age = now - lease.heartbeat.at
    return False if age > 2 * renewal else None
