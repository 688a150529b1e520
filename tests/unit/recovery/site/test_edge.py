"""Whose certificate the DR edge shows, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from recovery.ports.edge import EdgeSeen
from recovery.site.edge import covers, weaknesses

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "host", "good"),
    [
        (["api.shop.com"], "api.shop.com", True),
        (["*.shop.com"], "api.shop.com", True),
        (["*.shop.com"], "shop.com", False),
        (["*.shop.com"], "a.b.shop.com", False),
        (["*.com"], "api.shop.com", False),
        (["edge.shop.com"], "api.shop.com", False),
    ],
)
def test_a_star_stands_for_one_label(names: list[str], host: str, good: bool) -> None:
    assert covers(names, host) is good


@pytest.mark.parametrize(
    ("names", "days", "said"),
    [
        (("api.shop.com", "edge-dr.shop.com"), 60, []),
        (("api.shop.com", "edge-dr.shop.com"), 29, ["ends on 2026-12-21 and is not being renewed"]),
        (("api.shop.com",), 60, ["does not cover the edge's own name, edge-dr.shop.com (it covers api.shop.com)"]),
    ],
)
def test_what_is_worth_knowing_of_a_certificate(names: tuple[str, ...], days: int, said: list[str]) -> None:
    seen = EdgeSeen(address="192.0.2.1:443", names=names, until=NOW + timedelta(days=days))
    found = [*weaknesses(seen, "edge-dr.shop.com", now=NOW)]
    assert len(found) == len(said)
    assert all(part in whole for part, whole in zip(said, found, strict=True))


def test_an_edge_without_tls_has_no_certificate_to_check() -> None:
    assert "plain HTTP" in next(weaknesses(EdgeSeen(address="192.0.2.1:80"), "edge", now=NOW))
