"""What makes the DR edge ready for customers before any of them comes: it is there, and its certificate is theirs."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from recovery.plan.plan import SERVICES
from recovery.ports.edge import EdgeSeen

NODE_PORTS = {service: 30080 + number for number, service in enumerate(SERVICES)}
"""Where every node listens for each service; among Kubernetes' own node ports, 30000 to 32767."""

SOON = timedelta(days=30)
"""ACM renews a certificate 45 days before its end or earlier, so one that is nearer to it is not being renewed.
https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html"""


def covers(names: Collection[str], host: str) -> bool:
    """Whether a certificate for `names` is good for `host`; `*.` stands for exactly one label (RFC 6125)."""
    _, _, parent = host.partition(".")
    return host in names or f"*.{parent}" in names


def weaknesses(seen: EdgeSeen, own_name: str, *, now: datetime) -> Iterator[str]:
    """What is worth knowing of an edge that was reached. `own_name` is the edge's own, by which people ask it."""
    if seen.until is None:
        yield "it speaks plain HTTP, so there is no certificate to check"
        return
    if seen.until - now < SOON:
        yield f"its certificate ends on {seen.until:%Y-%m-%d} and is not being renewed"
    if not covers(seen.names, own_name):
        yield f"its certificate does not cover the edge's own name, {own_name} (it covers {', '.join(seen.names)})"
