"""The DR edge over real TLS: reached with the right certificate though the site is closed, no edge, a wrong one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloud.edge import HttpEdge
from cloud.resolver import Resolver
from lab.machine.addresses import Block
from operations.monitoring.edge import look_at
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN
from recovery.errors import Refused, Unreachable
from tests.support.tls import certificate, serving

PORT = 8443
NAME, OWN = "api.ultramarket.com", "edge-dr.ultramarket.com"


@pytest.fixture
def edge(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., HttpEdge]:
    """The DR edge, trusting what the test's authority signed. `authority` is another one's when a test says so."""

    def made(authority: Path | None = None) -> HttpEdge:
        if authority:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
            monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        resolver = Resolver("", 0, caches=False)
        return HttpEdge(f"{block.dr.edge}:{PORT}", host=NAME, resolver=resolver, tls=True)

    return made


def test_an_edge_with_customers_certificate_is_there_though_its_site_is_closed(
    edge: Callable[..., HttpEdge], block: Block, tmp_path: Path
) -> None:
    authority, chain = certificate(tmp_path / "good", [NAME, OWN])
    with serving(block.dr.edge, PORT, chain, 503):
        seen, answer = edge(authority).reach(), edge().ask("order")
        assert look_at(edge(), OWN, now=datetime.now(UTC)).level == OK
    assert (seen.names, seen.address) == ((NAME, OWN), f"{block.dr.edge}:{PORT}")
    assert seen.until and timedelta(days=89) < seen.until - datetime.now(UTC) < timedelta(days=91)
    assert (answer.status, answer.site) == (503, None)


def test_no_edge_is_unreachable(edge: Callable[..., HttpEdge]) -> None:
    with pytest.raises(Unreachable, match="does not answer: Connection refused"):
        edge().reach()
    assert look_at(edge(), OWN, now=datetime.now(UTC)).level == UNKNOWN


@pytest.mark.parametrize(
    ("names", "ends", "said"),
    [
        ([OWN], None, "not good for api.ultramarket.com: Hostname mismatch"),
        ([NAME], timedelta(days=-1), "certificate has expired"),
    ],
    ids=["another name", "expired"],
)
def test_a_certificate_that_no_customer_would_take_is_refused(
    edge: Callable[..., HttpEdge], block: Block, tmp_path: Path, names: list[str], ends: timedelta | None, said: str
) -> None:
    authority, chain = certificate(tmp_path / "bad", names, datetime.now(UTC) + ends if ends else None)
    with serving(block.dr.edge, PORT, chain, 503):
        for asked in (edge(authority).reach, lambda: edge().ask("order")):
            with pytest.raises(Refused, match=said):
                asked()
        assert look_at(edge(), OWN, now=datetime.now(UTC)).level == CRITICAL


def test_a_certificate_of_an_authority_that_nobody_knows_is_refused(
    edge: Callable[..., HttpEdge], block: Block, tmp_path: Path
) -> None:
    _, chain = certificate(tmp_path / "unknown", [NAME])
    other, _ = certificate(tmp_path / "other", [NAME])
    with serving(block.dr.edge, PORT, chain, 503), pytest.raises(Refused, match="not good for"):
        edge(other).reach()
