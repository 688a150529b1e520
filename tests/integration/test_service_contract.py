"""The services' contract over real HTTP: the lab's order service behind a real gate, and `dr check service`."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from cloud.edge import HttpEdge
from cloud.lease_store import DynamoLeaseStore
from cloud.resolver import Resolver
from lab.aws.site import scrubbed_environment
from lab.machine.addresses import EDGE_PORT, Block
from lab.machine.processes import Supervisor, wait_until
from lab.ultramarket.primary import APPLICATION, DATABASE, Primary
from lab.ultramarket.shop import place_order
from operations.checks.service import check, target
from recovery.errors import Refused, Unreachable
from recovery.plan.plan import SERVICES
from recovery.site.contract_check import Clause
from tests.support.command_line import dr
from tests.support.guard_process import FIRST_LEASE, Guards
from tests.support.plans import ROOT

PORT = 8083
HEALTHY = {"site": "prod", "epoch": 1, "database": "ok"}


@pytest.fixture
def nowhere(block: Block) -> Resolver:
    """Addresses are asked for by number here."""
    return Resolver(block.dns, 53, caches=False)


def start_order_service(processes: Supervisor, address: str, gate: str, postgres: Primary) -> None:
    """As its Pod starts it in production."""
    given = {
        "SERVICE": "order",
        "SITE": "prod",
        "PORT": str(EDGE_PORT),
        "POD_IP": address,
        "DATABASE_HOST": gate,
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": DATABASE,
        "DATABASE_USER": APPLICATION,
        "DATABASE_PASSWORD": postgres.passwords[APPLICATION],
    }
    env = {**scrubbed_environment(), "PATH": os.environ["PATH"], **given}
    processes.start("order", [sys.executable, "-m", "lab.ultramarket.service"], env=env, cwd=ROOT)


def count(postgres: Primary, table: str) -> int:
    with postgres.connect() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]  # noqa: S608
        return int(str((row or (0,))[0]))


def test_the_lab_s_service_keeps_the_contract_open_and_closed_and_a_probe_leaves_nothing(
    guards: Guards,
    lease_at: Callable[[str], DynamoLeaseStore],
    postgres: Primary,
    processes: Supervisor,
    block: Block,
    nowhere: Resolver,
) -> None:
    lease_at("operator").create(FIRST_LEASE)
    guard = guards.start()
    guard.wait_for("open")
    address = str(block.host(35))
    start_order_service(processes, address, guard.address, postgres)
    edge = HttpEdge(f"{address}:{EDGE_PORT}", host="shop.example", resolver=nowhere)
    here = target(f"http://{address}:{EDGE_PORT}")

    def clauses() -> list[Clause]:
        return check(here, nowhere, "prod", services=("order",))

    wait_until(lambda: clauses()[0].holds, what="the order service")
    ordered = place_order(address, "shop.example", "one", "a customer")
    assert ordered is not None and (ordered["site"], ordered["epoch"]) == ("prod", 1)
    before = count(postgres, "orders")
    assert before == 1
    open_found = clauses()
    assert [clause for clause in open_found if not clause.holds] == []
    assert open_found[-1].seen == "accepted with HTTP 200"
    assert edge.probe_write().said == "accepted"
    assert (count(postgres, "orders"), count(postgres, "dr.probe")) == (before, 0)

    guards.end_all()
    wait_until(lambda: edge.ask("order").status == 503, what="a closed gate")
    closed = clauses()
    assert [clause for clause in closed if not clause.holds] == []
    assert closed[-1].seen == "refused with HTTP 503"
    assert edge.probe_write().said == "refused"


@contextmanager
def production(
    address: str, status: int, answer: dict[str, Any], kind: str = "application/json"
) -> Iterator[list[str]]:
    """An edge that answers everything alike; yields what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, PORT), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield asked
    server.shutdown()
    server.server_close()


def test_an_edge_that_speaks_the_contract_passes_and_nothing_else_is_asked_of_it(block: Block) -> None:
    with production(block.prod.edge, 200, {**HEALTHY, "write": "accepted"}) as asked:
        done = dr("check", "service", f"http://{block.prod.edge}:{PORT}", "--resolver", "127.0.0.1")
    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in done.stdout.decode().splitlines()[1:]]
    assert {line[0] for line in lines} >= {"answers", "site", "epoch", "database", "write"}
    assert b" not " not in done.stdout
    assert sorted(asked) == sorted([*(f"GET /v2/{name}/health" for name in SERVICES), "POST /v2/order/probe"])


def test_an_edge_behind_a_login_fails_with_the_clause_the_services_and_the_next_step(block: Block) -> None:
    with production(block.prod.edge, 401, {"message": "Unauthorized"}):
        done = dr("check", "service", f"http://{block.prod.edge}:{PORT}", "--resolver", "127.0.0.1")
        told = dr("check", "service", f"http://{block.prod.edge}:{PORT}", "--resolver", "127.0.0.1", "--json")
    assert done.returncode == told.returncode == 2
    (words,) = [line for line in done.stdout.decode().splitlines() if line.startswith("own words")]
    assert words.split()[2] == "not"
    assert ", ".join(SERVICES) in words
    assert "HTTP 401: it wants a login" in words
    assert b"without a login" in done.stderr
    document = json.loads(told.stdout)
    assert document["speaks"] is False
    assert {each["clause"] for each in document["clauses"] if not each["holds"]} == {"own words", "write probe"}


def test_nobody_there_is_a_failed_check_and_no_traceback(block: Block) -> None:
    done = dr("check", "service", f"http://{block.prod.edge}:{PORT}", "--resolver", "127.0.0.1")
    assert done.returncode == 3
    assert b"does not answer: Connection refused" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "url",
    ["api.ultramarket.com", "ftp://x", "https://", "https://x/v2", "https://x?a", "https://x:99999", "https://u@x"],
)
def test_what_is_no_url_of_an_edge_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="not a URL"):
        target(url)


def test_an_edge_is_asked_in_place_of_the_name_under_the_name() -> None:
    here = target("https://api.example.com", "edge-dr.example.com")
    assert (here.host, here.address, here.tls) == ("api.example.com", "edge-dr.example.com:443", True)
    assert target("https://api.example.com", "10.0.0.1:8443").address == "10.0.0.1:8443"


def test_an_unknown_name_is_said_once(nowhere: Resolver) -> None:
    with pytest.raises(Unreachable, match=r"no\.such\.example"):
        check(target("https://no.such.example"), nowhere, "prod")
