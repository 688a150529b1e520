"""Looking a name up at one DNS server, with or without a cache: what two kinds of customers do."""

import ipaddress
import random
import time
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.IN.A import A

from recovery.errors import Refused, Unreachable
from recovery.units import is_port

_LONGEST_CHAIN = 8


@dataclass
class Resolver:
    """Asks `server`:`port`. With `caches` every answer is kept for its own TTL, CNAME and address apart."""

    server: str
    port: int
    caches: bool
    timeout: float = 1.0
    _kept: dict[str, tuple[float, tuple[str, str]]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.server}:{self.port} {'with' if self.caches else 'without'} cache"

    def address(self, name: str) -> str:
        """An IPv4 address of `name`; an address is its own. Raises Unreachable when there is no answer."""
        if is_address(name):
            return name
        answered: dict[str, tuple[str, str]] = {}
        current = name
        for _ in range(_LONGEST_CHAIN):
            if current not in answered:
                answered |= self._records(current)
            if current not in answered:
                raise Unreachable(f"{self.label} has no address for {current}")
            kind, current = answered[current]
            if kind == "A":
                return current
        raise Unreachable(f"{name}: more than {_LONGEST_CHAIN} names lead on from it")

    def require_record(self, name: str) -> None:
        """Ask for `name` once. Raises Unreachable when the server does not answer, Refused when it knows no such name.
        Where the name leads is not followed: that may be lost with production."""
        if not is_address(name) and name not in self._ask(name):
            raise Refused(
                f"it has no record of {name}",
                next_step="the foundation stack makes the public name's records (its second `pulumi up`); or name a "
                "DNS server that knows it with --resolver IP:PORT",
            )

    def _records(self, name: str) -> dict[str, tuple[str, str]]:
        """Name → (kind, value), of `name` and what came with it; from the cache while it is fresh."""
        until, known = self._kept.get(name, (0.0, ("", "")))
        if self.caches and time.monotonic() < until:
            return {name: known}
        found = self._ask(name)
        now = time.monotonic()
        self._kept |= {owner: (now + ttl, (kind, value)) for owner, (ttl, kind, value) in found.items()}
        return {owner: (kind, value) for owner, (_, kind, value) in found.items()}

    def _ask(self, name: str) -> dict[str, tuple[int, str, str]]:
        query = dns.message.make_query(name, dns.rdatatype.A)
        try:
            answer = dns.query.udp(query, self.server, port=self.port, timeout=self.timeout)
        except (dns.exception.DNSException, OSError) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{self.label} does not answer for {name}: {reason}") from None
        records: dict[str, tuple[int, str, str]] = {}
        for rrset in answer.answer:
            owner = rrset.name.to_text(omit_final_dot=True)
            record = random.choice(list(rrset))  # noqa: S311 - which of several addresses is no secret
            if isinstance(record, A):
                records[owner] = (rrset.ttl, "A", record.address)
            elif isinstance(record, CNAME):
                records[owner] = (rrset.ttl, "CNAME", record.target.to_text(omit_final_dot=True))
        return records


def is_address(name: str) -> bool:
    """Whether `name` is an IP address already."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def parse_server(text: str) -> tuple[str, int]:
    """`IP` or `IP:PORT`. Raises Refused."""
    host, _, port = text.partition(":")
    if not is_address(host) or (port and not is_port(port)):
        raise Refused(f"not a DNS server: {text!r}", next_step="write it as IP or IP:PORT, for example 10.0.0.2:53")
    return host, int(port or 53)


def system_server() -> tuple[str, int]:
    """The machine's own first resolver. Raises Refused when it has none."""
    try:
        configured = dns.resolver.get_default_resolver()
    except dns.resolver.NoResolverConfiguration:
        raise Refused("this machine has no DNS resolver", next_step="name one with --resolver IP:PORT") from None
    return str(configured.nameservers[0]), configured.port
