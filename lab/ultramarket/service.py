"""What runs as each of UltraMarket's six services in the lab: docs/service-contract.md, no more and no less, and as
`order` it takes orders too: the cart in Redis first, where there is one, then the order.

Every answer says which site's process gave it (SITE) and which epoch its database is in (the row promotion writes),
so that nobody can mistake one site's answer for the other's.
"""

import json
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg

from engines.redis.connection import Address, session
from recovery.errors import DrError

CART = "cart:"
"""What the key of an order's cart begins with."""
_REDIS_SECONDS = 2.0
_TRY = "INSERT INTO dr.probe (run, step) VALUES ('service', 'probe')"
_PLACE = "INSERT INTO orders (id, client) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING"
_EPOCH = "SELECT epoch FROM dr.site"


def _keep_cart(order: str, client: str) -> None:
    """Raises DrError, OSError. A session each: the gate may be another one by the next order."""
    host = os.environ.get("REDIS_HOST")
    if not host:
        return
    where = Address(
        host=host,
        port=int(os.environ.get("REDIS_PORT", "6379")),
        user=os.environ["REDIS_USER"],
        password=os.environ["REDIS_PASSWORD"],
    )
    with session(where, seconds=_REDIS_SECONDS) as connection:
        connection.command("SET", f"{CART}{order}", client, "EX", "86400")


def _place_order(order: str, client: str) -> int:
    _keep_cart(order, client)
    return _query((order, client))


def _query(order: tuple[str, str] | None = None, *, probe: bool = False) -> int:
    """Place `order` if there is one, and return the database's epoch; one transaction, committed on return. A `probe`
    writes as an order would, and takes it back."""
    with _idle_connections_lock:
        connection = _idle_connections.pop() if _idle_connections else None
    if connection is None:
        connection = psycopg.connect(
            host=os.environ["DATABASE_HOST"],
            port=os.environ.get("DATABASE_PORT", "5432"),
            dbname=os.environ["DATABASE_NAME"],
            user=os.environ["DATABASE_USER"],
            password=os.environ["DATABASE_PASSWORD"],
            connect_timeout=2,
        )
    try:
        with connection.transaction(force_rollback=probe):
            if probe:
                connection.execute(_TRY)
            if order:
                connection.execute(_PLACE, order)
            row = connection.execute(_EPOCH).fetchone()
    except psycopg.Error:
        connection.close()
        raise
    with _idle_connections_lock:
        _idle_connections.append(connection)
    return int(row[0]) if row else 0


_idle_connections: list[psycopg.Connection] = []
_idle_connections_lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """GET /healthz (this process), GET /v2/SERVICE/health (with its database); of `order` also the write probe, and
    POST /v2/order/orders."""

    server_version = "ultramarket"

    def do_GET(self) -> None:
        """Health, with and without the database."""
        if self.path == "/healthz":
            self._answer(200, {})
        elif self.path == f"/v2/{os.environ['SERVICE']}/health":
            self._with_database(200, _query)
        else:
            self._answer(404, {"error": "no such path"})

    def do_POST(self) -> None:
        """Try a write, or take an order; 201 is sent after the commit."""
        length = int(self.headers.get("Content-Length", "0"))
        if os.environ["SERVICE"] != "order":
            self._answer(404, {"error": "no such path"})
        elif self.path == "/v2/order/probe":
            self._with_database(200, lambda: _query(probe=True), ("accepted", "refused"))
        elif self.path == "/v2/order/orders":
            body = json.loads(self.rfile.read(length))
            self._with_database(201, lambda: _place_order(str(body["id"]), str(body.get("client", ""))))
        else:
            self._answer(404, {"error": "no such path"})

    def _with_database(self, success: int, ask: Callable[[], int], write: tuple[str, str] | None = None) -> None:
        """`write`: what is said of a write when it went well and when not."""
        answer: dict[str, Any] = {"site": os.environ["SITE"]}
        try:
            answer |= {"epoch": ask(), "database": "ok"}
        except (psycopg.Error, DrError, OSError) as error:
            answer |= {"epoch": None, "database": type(error).__name__}
        well = answer["database"] == "ok"
        self._answer(success if well else 503, answer | ({"write": write[0 if well else 1]} if write else {}))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Successful requests are not worth a line each."""


def main() -> None:
    """Serve on POD_IP:PORT until killed."""
    server = ThreadingHTTPServer((os.environ["POD_IP"], int(os.environ.get("PORT", "8080"))), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
