"""`python -m lab.route53`: a DNS server over UDP and TCP that follows what is declared in moto's Route 53.

It reads moto directly, as Route 53's data plane does not depend on its control plane's being reachable.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from dnslib import QTYPE, RCODE, RR, DNSRecord
from dnslib.server import DNSHandler, DNSLogger, DNSServer

from lab.aws.changes import count_of
from lab.route53.checkers import Checkers
from lab.route53.health import CheckConfig
from lab.route53.records import Data, Record, answer, plain

STATUS_SECONDS = 0.1


Balancers = dict[str, tuple[Any, str]]
"""Region → a client for its load balancers, and the address on which the lab's stand-in for them listens."""


def names_of(balancers: Balancers) -> dict[str, str]:
    """The host name of every load balancer there is; AWS's own zones answer for them. Raises botocore's errors."""
    return {
        plain(each["DNSName"]): address
        for client, address in balancers.values()
        for each in client.describe_load_balancers()["LoadBalancers"]
    }


def read_declared(client: Any, static: dict[str, str]) -> tuple[Data, list[CheckConfig]]:
    """All zones, records and health checks. Raises botocore's errors when moto does not answer."""
    zones = [zone for page in client.get_paginator("list_hosted_zones").paginate() for zone in page["HostedZones"]]
    records: list[Record] = []
    for zone in zones:
        for page in client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"]):
            records += [record for entry in page["ResourceRecordSets"] if (record := Record.parse(entry))]
    pages = client.get_paginator("list_health_checks").paginate()
    checks = [CheckConfig.parse(entry) for page in pages for entry in page["HealthChecks"]]
    return Data(tuple(plain(zone["Name"]) for zone in zones), tuple(records), static), checks


class Resolver:
    """dnslib's resolver interface over the declared data."""

    def __init__(self, data: Data, checkers: Checkers) -> None:
        self.data = data
        self.checkers = checkers

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """The answer to one question."""
        reply = request.reply(ra=0)
        data, name = self.data, str(request.q.qname)
        code, records = answer(data, name, QTYPE[request.q.qtype], self.checkers.healthy)
        reply.header.rcode = getattr(RCODE, code)
        for record in records:
            for line in zone_lines(record):
                reply.add_answer(*RR.fromZone(line))
        if not records and (zone := data.zone_of(plain(name))):
            for soa in (found for found in data.records if (found.name, found.type) == (zone, "SOA")):
                reply.add_auth(*RR.fromZone(zone_lines(soa)[0]))
        return reply


def zone_lines(record: Record) -> list[str]:
    """The record as a zone file writes it; targets in Route 53 may lack the final dot."""
    values = record.values
    if record.type in {"CNAME", "NS"}:
        values = tuple(f"{value.rstrip('.')}." for value in values)
    return [f"{record.name}. {record.ttl} IN {record.type} {value}" for value in values]


def write_status(path: Path | None, checkers: Checkers, data: Data, last: str) -> str:
    """Write the state when it has changed; returns what the file says."""
    text = json.dumps({"checks": checkers.states(), "records": len(data.records)}, indent=1)
    if path is not None and text != last:
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)
    return text


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM, whose default action ends the process at once."""
    parser = argparse.ArgumentParser(prog="lab.route53", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="IP:PORT")
    parser.add_argument("--moto", required=True, help="moto's URL")
    parser.add_argument("--checkers-front", required=True, help="URL of the front that health checkers go through")
    parser.add_argument("--static", type=json.loads, default={}, help='JSON: {"name": "address"} outside the zones')
    parser.add_argument(
        "--load-balancers", type=json.loads, default={}, help='JSON: {"region": "address"} of their stand-ins'
    )
    parser.add_argument("--status", type=Path, help="file for the health checks' state")
    parser.add_argument("--changes", type=Path, required=True, help="folder with moto's counts of writes")
    options = parser.parse_args(argv)
    address, _, port = options.listen.rpartition(":")
    client = _client("route53", "us-east-1", options.moto)
    balancers = {
        region: (_client("elbv2", region, options.moto), found) for region, found in options.load_balancers.items()
    }
    static = {plain(name): target for name, target in options.static.items()}
    checkers = Checkers(options.checkers_front, static)
    resolver = Resolver(Data(static=static), checkers)
    services = ("route53", *(("elasticloadbalancing",) if balancers else ()))
    counts = lambda: sum(count_of(options.changes, service) for service in services)  # noqa: E731
    follow = Follower(client, resolver, checkers, counts, static, balancers)
    follow.once()
    quiet = DNSLogger("-request,-reply,-truncated,-error")
    for tcp in (False, True):
        DNSServer(resolver, address=address, port=int(port), tcp=tcp, logger=quiet).start_thread()
    sys.stdout.write(f"process {os.getpid()} ready: DNS on {options.listen}\n")
    sys.stdout.flush()
    status = ""
    while True:
        status = write_status(options.status, checkers, resolver.data, status)
        time.sleep(STATUS_SECONDS)
        follow.once()


def _client(service: str, region: str, moto: str) -> Any:
    return boto3.client(  # pyright: ignore[reportCallIssue]
        service,  # pyright: ignore[reportArgumentType] - any service's name
        endpoint_url=moto,
        region_name=region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Follower:
    """Keeps resolver and checkers at what is declared; keeps the last known state when moto does not answer."""

    def __init__(
        self,
        client: Any,
        resolver: Resolver,
        checkers: Checkers,
        count: Callable[[], int],
        static: dict[str, str],
        balancers: Balancers,
    ) -> None:
        self.client = client
        self.resolver = resolver
        self.checkers = checkers
        self.count = count
        self.static, self.balancers = static, balancers
        self.taken_over = -1

    def once(self) -> None:
        """Read everything and take it over, if anything has been written since the last time."""
        count = self.count()
        if count == self.taken_over:
            return
        try:
            data, checks = read_declared(self.client, {**self.static, **names_of(self.balancers)})
        except EndpointConnectionError:
            return
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(f"answering from the last known records: {error}\n")
            sys.stderr.flush()
            return
        # Checks first: a record must not refer to a check that is not known yet.
        self.checkers.declare(checks)
        self.resolver.data = data
        self.taken_over = count


if __name__ == "__main__":
    main()
