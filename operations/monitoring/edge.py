"""The DR edge, as customers will find it: whether it is there, whose certificate it shows, what stands behind it."""

from datetime import datetime

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Judged
from recovery.errors import Refused, Unreachable
from recovery.ports.edge import Edge, EdgeSeen, ServiceAnswer
from recovery.site.edge import weaknesses


def judge_door(seen: EdgeSeen, own_name: str, *, now: datetime) -> Judged:
    """The edge alone."""
    weak = [*weaknesses(seen, own_name, now=now)]
    words = f"{own_name} ({seen.address}) answers"
    if seen.until:
        words += f", its certificate is good until {seen.until:%Y-%m-%d}"
    if not weak:
        return Judged(OK, words)
    return Judged(
        WARNING,
        f"{words}, but {'; '.join(weak)}",
        "see `certificateArn` of the dr stack: one that covers the public name and the edge's own, and is renewed",
    )


def look_at(edge: Edge, own_name: str, *, now: datetime) -> Judged:
    """Reach it and judge the edge alone."""
    try:
        return judge_door(edge.reach(), own_name, now=now)
    except Refused as error:  # a wrong certificate is certain: no customer would get in
        return Judged(CRITICAL, error.what, error.next_step)
    except Unreachable as error:
        return Judged(UNKNOWN, error.what, error.next_step)


def ask_edge(edge: Edge, service: str) -> tuple[EdgeSeen, ServiceAnswer]:
    """Both looks. Raises Unreachable when there is no edge, Refused for a wrong certificate."""
    return edge.reach(), edge.ask(service)


def judge_edge(seen: EdgeSeen, answer: ServiceAnswer, own_name: str, *, active: bool, now: datetime) -> Judged:
    """The edge and the site behind it: closed while the site stands by, open once it is `active`."""
    door = judge_door(seen, own_name, now=now)
    if answer.site == "prod":
        return Judged(CRITICAL, f"{own_name} leads to production", "correct `edge` of the dr stack and run `pulumi up`")
    if answer.status == 200 and answer.site == "dr":
        return door._replace(words=f"{door.words}; the site is open")
    if answer.status == 404:
        words = f"{door.words}; it has no way to a service (HTTP 404)"
        return Judged(WARNING, words, "compare its rules with the plan's services")
    if active:
        return Judged(
            CRITICAL, f"{door.words}; customers are turned away (HTTP {answer.status})", "see the services and the gate"
        )
    return door._replace(words=f"{door.words}; the site is closed (HTTP {answer.status}), as it should be")
