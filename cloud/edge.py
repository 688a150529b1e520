"""HTTP to a site's edge: by its own address, or as customers reach it, by the public name through one resolver."""

import http.client
import json
import socket
import ssl
from typing import Any

from cloud.resolver import Resolver
from recovery.errors import Unreachable
from recovery.ports import ServiceAnswer

TLS_PORT = 443


class HttpEdge:
    """`target` is host:port. Requests carry `host` as their Host header (and TLS server name), whoever they go to, so
    that an edge can be asked directly for what customers ask by name. No proxy, no redirect is followed."""

    def __init__(self, target: str, *, host: str, resolver: Resolver, timeout: float = 1.5) -> None:
        name, _, port = target.rpartition(":")
        self.name, self.port = (name, int(port)) if name and port.isdigit() else (target, TLS_PORT)
        self.host = host
        self.resolver = resolver
        self.timeout = timeout

    def ask(self, service: str) -> ServiceAnswer:
        """GET the service's health. Raises Unreachable when no HTTP answer comes."""
        status, body = self._request("GET", f"/v2/{service}/health", None)
        site, epoch = body.get("site"), body.get("epoch")
        return ServiceAnswer(
            status=status,
            site=site if site in ("prod", "dr") else None,
            epoch=epoch if isinstance(epoch, int) else None,
            database=body.get("database"),
        )

    def accepts_write(self, run: str) -> bool | None:
        """Whether an order with a probe's id is acknowledged by production here; None when nobody answers.

        It is only tried where somebody answers as production: a dead region costs one refused connection.
        """
        try:
            if self.ask("order").site != "prod":
                return False
            status, body = self._request("POST", "/v2/order/orders", {"id": f"dr-probe-{run}", "client": "dr promote"})
        except Unreachable:
            return None
        return status in (200, 201) and body.get("site") == "prod"

    def look_up(self) -> str:
        """Resolve the name now, so that a resolver with a cache has it."""
        return self.resolver.address(self.name)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        address = self.resolver.address(self.name)
        connection = _Connection(address, self.port, self.host, self.timeout)
        try:
            content = None if body is None else json.dumps(body)
            headers = {"Host": self.host, "Content-Type": "application/json", "Connection": "close"}
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, _object(response.read(65_536))
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{self.name} ({address}:{self.port}) does not answer: {reason}") from None
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """To one address, under another name; TLS on port 443."""

    def __init__(self, address: str, port: int, host: str, timeout: float) -> None:
        super().__init__(address, port, timeout=timeout)
        self._name = host

    def connect(self) -> None:
        self.sock = socket.create_connection((self.host, self.port), self.timeout)
        if self.port == TLS_PORT:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._name)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
