"""HTTP to a site's edge: by its own address, or as customers reach it, by the public name through one resolver."""

import http.client
import socket
import ssl
from datetime import UTC, datetime

from cloud.resolver import Resolver
from recovery.errors import DrError, Refused, Unreachable
from recovery.ports.edge import EdgeSeen, HttpAnswer, ServiceAnswer, WriteAnswer
from recovery.site.service_contract import PROBE_PATH, health_path, read_health, read_write

TLS_PORT = 443
_LONGEST_BODY = 65_536


class HttpEdge:
    """`target` is host:port. Requests carry `host` as their Host header (and TLS server name), whoever they go to, so
    that an edge can be asked directly for what customers ask by name. No proxy, no redirect is followed. Port 443 is
    spoken to by TLS, and its certificate has to be good for `host`; `tls` says it of another port."""

    def __init__(
        self, target: str, *, host: str, resolver: Resolver, timeout: float = 1.5, tls: bool | None = None
    ) -> None:
        name, _, port = target.rpartition(":")
        self.name, self.port = (name, int(port)) if name and port.isdigit() else (target, TLS_PORT)
        self.tls = self.port == TLS_PORT if tls is None else tls
        self.host = host
        self.resolver = resolver
        self.timeout = timeout

    def ask(self, service: str) -> ServiceAnswer:
        """GET the service's health. Raises Unreachable when no HTTP answer comes, Refused for a wrong certificate."""
        return read_health(self.fetch("GET", health_path(service)))

    def probe_write(self) -> WriteAnswer:
        """Ask for a write that the service takes back: no order, no customer, no row stays."""
        try:
            return read_write(self.fetch("POST", PROBE_PATH))
        except DrError as error:
            return WriteAnswer("silent", error.what)

    def reach(self) -> EdgeSeen:
        """Connect, by TLS where that is spoken, and say what was found. Raises Unreachable, Refused."""
        address, connection = self._connection()
        try:
            connection.connect()
            shown = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
        except OSError as error:
            raise self._failure(address, error) from None
        finally:
            connection.close()
        if not shown:
            return EdgeSeen(address=f"{address}:{self.port}")
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
        names = tuple(str(value) for kind, value in shown.get("subjectAltName", ()) if kind == "DNS")
        return EdgeSeen(address=f"{address}:{self.port}", names=names, until=ends)

    def look_up(self) -> str:
        """Resolve the name now, so that a resolver with a cache has it."""
        return self.resolver.address(self.name)

    def fetch(self, method: str, path: str) -> HttpAnswer:
        """One request without a body. Raises Unreachable when no HTTP answer comes, Refused for a wrong certificate."""
        address, connection = self._connection()
        try:
            connection.request(method, path, headers={"Host": self.host, "Connection": "close"})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return HttpAnswer(status=response.status, headers=headers, body=response.read(_LONGEST_BODY))
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(address, error) from None
        finally:
            connection.close()

    def _connection(self) -> tuple[str, "_Connection"]:
        address = self.resolver.address(self.name)
        return address, _Connection(address, self.port, self.host, self.timeout, tls=self.tls)

    def _failure(self, address: str, error: Exception) -> DrError:
        """An edge with a wrong certificate is there, and all the same no customer gets in."""
        where = f"{self.name} ({address}:{self.port})"
        if isinstance(error, ssl.SSLCertVerificationError):
            return Refused(
                f"{where} shows a certificate that is not good for {self.host}: {error.verify_message.rstrip('.')}",
                next_step=f"give that edge an issued certificate that covers {self.host} (`certificateArn` of the dr "
                "stack)",
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unreachable(f"{where} does not answer: {reason}")


class _Connection(http.client.HTTPConnection):
    """To one address, under another name."""

    def __init__(self, address: str, port: int, host: str, timeout: float, *, tls: bool) -> None:
        super().__init__(address, port, timeout=timeout)
        self._name, self._tls = host, tls

    def connect(self) -> None:
        self.sock = socket.create_connection((self.host, self.port), self.timeout)
        if self._tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._name)
