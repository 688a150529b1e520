"""What a service of UltraMarket answers, so that a failover can tell the sites apart: paths, and how answers are read.

docs/service-contract.md is the same for people, with a reason for each clause.
"""

import json
from typing import Any, cast

from recovery.ports.edge import HttpAnswer, ServiceAnswer, WriteAnswer

READINESS_PATH = "/healthz"
PROBED = "order"
"""The service that answers the write probe."""
PROBE_PATH = f"/v2/{PROBED}/probe"
_JSON = "application/json"


def edge_path(service: str) -> str:
    """What an edge sends to the service: this path and all below it."""
    return f"/v2/{service}"


def health_path(service: str) -> str:
    """Where the service says who it is and whether it reaches its database."""
    return f"{edge_path(service)}/health"


def read_health(answer: HttpAnswer) -> ServiceAnswer:
    """The answer as a promotion judges it. What is not in the service's own words names no site."""
    body = own_words(answer)
    site, epoch, database = body.get("site"), body.get("epoch"), body.get("database")
    return ServiceAnswer(
        status=answer.status,
        site=site if site in ("prod", "dr") else None,
        epoch=epoch if is_epoch(epoch) else None,
        database=database if isinstance(database, str) else None,
        instead="" if site in ("prod", "dr") else foreign_words(answer),
    )


def read_write(answer: HttpAnswer) -> WriteAnswer:
    """What a write probe at production's edge proves. A login page, a redirect, a missing path or a load balancer's own
    answer proves nothing; only the service's own word counts, and "accepted" without a site is taken at its word."""
    body = own_words(answer)
    site, write = body.get("site"), body.get("write")
    if site == "dr":
        return WriteAnswer("no proof", "it answers as the DR site")
    if answer.status == 200 and write == "accepted":
        return WriteAnswer("accepted")
    if answer.status == 503 and write == "refused" and site == "prod":
        return WriteAnswer("refused")
    return WriteAnswer("no proof", foreign_words(answer) if site is None or write is None else _odd(answer, write))


def own_words(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON object of a 200 or 503, which is all that the contract knows; else empty."""
    if answer.status not in (200, 503) or not answer.headers.get("content-type", "").lower().startswith(_JSON):
        return {}
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def foreign_words(answer: HttpAnswer) -> str:
    """For people: what came that is not a service's own word on its site."""
    status = answer.status
    if status in (401, 403):
        what = "it wants a login, or a firewall is in the way"
    elif status in (404, 405):
        what = "it knows no such path"
    elif 300 <= status < 400:
        what = "it redirects"
    elif own_words(answer):
        what = "a JSON object without what the contract names"
    elif status >= 500:
        what = "not in the service's own words: a load balancer's, most likely"
    elif status == 200:
        what = "no JSON object"
    else:
        what = "the contract has no such answer"
    return f"HTTP {status}: {what}"


def is_epoch(value: object) -> bool:
    """A whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _odd(answer: HttpAnswer, write: object) -> str:
    return f"HTTP {answer.status} with write {write!r}, which the contract does not put together"
