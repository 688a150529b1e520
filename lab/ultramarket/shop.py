"""Customers of UltraMarket, seen from outside: they order through the public name, and write down what was promised.

Two clients: one asks DNS for every order, one keeps an answer for its TTL. Every acknowledged order goes into the
ledger (one JSON line, times of the monotonic clock in seconds), so loss and outage are counted by the customer.
An order that fails is sent again under the same id until it is acknowledged.
"""

import argparse
import http.client
import json
import os
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from lab.machine.addresses import EDGE_PORT

_ATTEMPT_TIMEOUT = 2.0


@dataclass
class Resolver:
    """Asks one DNS server; keeps the address for the answer's shortest TTL when `caches`."""

    server: str
    port: int
    name: str
    caches: bool
    address: str = ""
    until: float = 0.0

    def resolve(self) -> str:
        """The address now. Raises dns.exception.DNSException or OSError."""
        if self.caches and time.monotonic() < self.until:
            return self.address
        answer = dns.query.udp(dns.message.make_query(self.name, "A"), self.server, port=self.port, timeout=1)
        addresses = [item.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]
        if not addresses:
            raise dns.exception.DNSException("no address")
        self.address = addresses[0]
        self.until = time.monotonic() + min(rrset.ttl for rrset in answer.answer)
        return self.address


def place_order(address: str, name: str, order: str, client: str) -> dict[str, object] | None:
    """Send one order; the answer when it was acknowledged, else None. Raises OSError, HTTPException."""
    connection = http.client.HTTPConnection(address, EDGE_PORT, timeout=_ATTEMPT_TIMEOUT)
    try:
        body = json.dumps({"id": order, "client": client})
        connection.request("POST", "/v2/order/orders", body, {"Host": name, "Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        return json.loads(content) if response.status == 201 else None
    finally:
        connection.close()


def customer(resolver: Resolver, client: str, ledger: int, pause: float) -> None:
    """Order for ever, one order after the other."""
    while True:
        order = uuid.uuid4().hex
        sent, address = time.monotonic(), ""
        while True:
            try:
                address = resolver.resolve()
                answer = place_order(address, resolver.name, order, client)
            except (OSError, http.client.HTTPException, ValueError, dns.exception.DNSException):
                answer = None
            if answer:
                break
            time.sleep(0.1)
        # fmt: off
        line = {"client": client, "id": order, "sent": sent, "acked": time.monotonic(), "address": address,
                "site": answer["site"], "epoch": answer["epoch"]}
        # fmt: on
        os.write(ledger, (json.dumps(line) + "\n").encode())
        time.sleep(pause)


@dataclass(frozen=True)
class Order:
    """One acknowledged order."""

    client: str
    id: str
    sent: float
    acked: float
    site: str
    epoch: int


def read_ledger(path: Path) -> list[Order]:
    """Every acknowledged order so far; a line being written is left for the next reading."""
    text = path.read_text() if path.exists() else ""
    orders = []
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            value = json.loads(line)
            orders.append(Order(**{key: value[key] for key in Order.__dataclass_fields__}))
    return orders


def main() -> None:
    """`python -m lab.ultramarket.shop --dns IP:PORT --name NAME --ledger FILE`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dns", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--ledger", required=True, type=Path)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two orders of one client")
    options = parser.parse_args()
    server, _, port = options.dns.rpartition(":")
    ledger = os.open(options.ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    threads = [
        threading.Thread(
            target=customer,
            args=(Resolver(server, int(port), options.name, caches), client, ledger, options.pause),
        )
        for client, caches in (("asks-every-time", False), ("caches", True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
