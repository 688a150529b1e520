"""Names and edges over real sockets: what a cache keeps, where a request goes, what it says it wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from dnslib import RR
from dnslib.server import DNSLogger, DNSServer

from cloud.edge import HttpEdge
from cloud.kubernetes_login import server_of
from cloud.resolver import Resolver, parse_server
from lab.machine.addresses import Block
from recovery.errors import Refused, Unreachable

PORT, DNS_PORT = 8082, 10055


class Zone:
    """shop.example → edge.example (TTL 60) → the address of the day (TTL 60)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked = 0

    def resolve(self, request: Any, handler: Any) -> Any:
        self.asked += 1
        reply = request.reply()
        if str(request.q.qname).startswith("shop"):
            reply.add_answer(*RR.fromZone("shop.example. 60 IN CNAME edge.example."))
        else:
            reply.add_answer(*RR.fromZone(f"edge.example. 60 IN A {self.address}"))
        return reply


@pytest.fixture
def zone(block: Block) -> Iterator[Zone]:
    """A DNS server on the block's DNS address."""
    found = Zone(block.prod.edge)
    quiet = DNSLogger(log="-request,-reply", prefix=False)
    server = DNSServer(found, port=DNS_PORT, address=block.dns, logger=quiet)
    server.start_thread()
    yield found
    server.stop()
    server.server.server_close()


@contextmanager
def site(address: str, body: bytes, *, kind: str = "application/json", post: int = 200) -> Iterator[list[str]]:
    """A web server that answers everything with `body`; yields the Host headers it was sent."""
    hosts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(str(self.headers["Host"]))
            self._answer(200)

        def do_POST(self) -> None:
            self._answer(post)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, PORT), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield hosts
    server.shutdown()
    server.server_close()


def test_a_resolver_with_a_cache_keeps_the_old_address_and_one_without_does_not(zone: Zone, block: Block) -> None:
    caching, asking = (Resolver(block.dns, DNS_PORT, caches=kept) for kept in (True, False))
    assert caching.address("shop.example") == asking.address("shop.example") == block.prod.edge
    zone.address = block.dr.edge
    assert caching.address("shop.example") == block.prod.edge
    assert asking.address("shop.example") == block.dr.edge
    before = zone.asked
    caching.address("shop.example")
    assert zone.asked == before


def test_an_edge_is_asked_by_its_own_address_under_the_public_name(block: Block) -> None:
    resolver = Resolver(block.dns, DNS_PORT, caches=False)
    with site(block.dr.edge, b'{"site": "dr", "epoch": 2, "database": "ok"}') as hosts:
        answer = HttpEdge(f"{block.dr.edge}:{PORT}", host="shop.example", resolver=resolver).ask("order")
    assert (answer.status, answer.site, answer.epoch, answer.database) == (200, "dr", 2, "ok")
    assert hosts == ["shop.example"]


def test_an_answer_that_is_no_json_names_no_site(block: Block) -> None:
    resolver = Resolver(block.dns, DNS_PORT, caches=False)
    with site(block.dr.edge, b"<html>welcome</html>", kind="text/html"):
        answer = HttpEdge(f"{block.dr.edge}:{PORT}", host="shop.example", resolver=resolver).ask("order")
    assert (answer.status, answer.site, answer.epoch) == (200, None, None)


def test_only_the_old_site_s_own_word_says_what_became_of_a_write(block: Block) -> None:
    edge = HttpEdge(f"{block.prod.edge}:{PORT}", host="shop.example", resolver=Resolver(block.dns, DNS_PORT, False))
    assert edge.probe_write().said == "silent"
    own = b'{"site": "prod", "epoch": 1, "database": "ok", "write": "%s"}'
    for body, status, said in (
        (own % b"accepted", 200, "accepted"),
        (own % b"refused", 503, "refused"),
        (b'{"site": "dr", "epoch": 2, "database": "ok", "write": "accepted"}', 200, "no proof"),
        (b'{"message": "Unauthorized"}', 401, "no proof"),
        (b'{"message": "not found"}', 404, "no proof"),
        (b'{"message": "bad gateway"}', 502, "no proof"),
        (b"", 302, "no proof"),
    ):
        with site(block.prod.edge, body, post=status):
            assert edge.probe_write().said == said


def test_a_silent_resolver_and_a_dead_edge_are_unreachable(block: Block) -> None:
    dead = Resolver(block.dns, DNS_PORT + 1, caches=False, timeout=0.2)
    with pytest.raises(Unreachable, match="does not answer for shop"):
        dead.address("shop.example")
    with pytest.raises(Unreachable, match="refused"):
        HttpEdge(f"{block.dr.edge}:{PORT}", host="shop.example", resolver=dead).ask("order")


def test_a_resolver_that_is_no_address_is_refused() -> None:
    for text in ("dns.example", "10.0.0.2:x", ""):
        with pytest.raises(Refused, match="not a DNS server"):
            parse_server(text)
    assert parse_server("10.0.0.2") == ("10.0.0.2", 53)


def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "config"
    with pytest.raises(Refused, match="cannot be read"):
        server_of(path)
    for text in ("", "[1]", "current-context: x", "a: b: c"):
        path.write_text(text)
        with pytest.raises(Refused, match="not a kubeconfig"):
            server_of(path)
