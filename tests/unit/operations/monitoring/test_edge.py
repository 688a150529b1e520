"""What `dr status` says of the DR edge."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from operations.monitoring import status
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING
from recovery.errors import DrError, Refused, Unreachable
from recovery.ports.edge import EdgeSeen, ServiceAnswer
from tests.support.fakes import FakeBucket
from tests.support.promotion import (
    EDGE,
    NOW,
    bundle,
)
from tests.support.status import Edge, healthy, promoted, sources
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture

CLOSED = ServiceAnswer(status=503, site=None, epoch=None)


ENDING = replace(EDGE, until=NOW + timedelta(days=9))


NO_EDGE = Unreachable("edge-dr.example has no address")


WRONG = Refused("edge-dr.example shows a certificate that is not good for api.ultramarket.com")


@pytest.mark.parametrize(
    ("reached", "answer", "level", "said"),
    [
        (EDGE, CLOSED, OK, "the site is closed (HTTP 503), as it should be"),
        (EDGE, replace(CLOSED, status=200, site="dr"), OK, "the site is open"),
        (EDGE, replace(CLOSED, status=200, site="prod"), CRITICAL, "leads to production"),
        (EDGE, replace(CLOSED, status=404), WARNING, "no way to a service"),
        (ENDING, CLOSED, WARNING, "ends on 2026-12-01 and is not being renewed"),
        (NO_EDGE, CLOSED, UNKNOWN, "has no address"),
        (WRONG, CLOSED, CRITICAL, "not good for api.ultramarket.com"),
    ],
    ids=["standing by", "open", "production", "no rule", "ending", "no edge", "wrong certificate"],
)
def test_the_dr_edge_is_looked_at_while_the_site_stands_by(
    copies: FakeBucket, reached: EdgeSeen | DrError, answer: ServiceAnswer, level: int, said: str
) -> None:
    everything = replace(sources(healthy(), copies), edge=lambda: Edge(reached, answer))
    (found,) = [each for each in status.look(bundle(), everything, now=NOW) if each.name == "edge"]
    assert found.level == level
    assert said in found.words


def test_a_dr_edge_that_turns_customers_away_after_a_failover_is_critical(copies: FakeBucket, tmp_path: Path) -> None:
    site = healthy()
    promoted(site, tmp_path)
    everything = replace(sources(site, copies), edge=lambda: Edge(EDGE, CLOSED))
    (found,) = [each for each in status.look(bundle(), everything, now=NOW) if each.name == "edge"]
    assert (found.level, "customers are turned away (HTTP 503)" in found.words) == (CRITICAL, True)
