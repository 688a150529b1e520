"""`python -m lab.aws.load_balancer`: what an Application Load Balancer of one region does, following what is declared.

It listens while moto has a load balancer with a listener, and not before. Requests go by the listener's rules to the
node ports of the target groups that have nodes. Real: path rules and their order, the default answer, node ports,
502 and 503. Different from AWS: it speaks plain HTTP on a port of its own (the certificate only has to exist in ACM),
health checks are not made, security groups are not enforced.
"""

import argparse
import asyncio
import fnmatch
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.aws.changes import count_of
from lab.kubernetes.endpoints import Target
from lab.kubernetes.ingress import BROKEN, Router

LOOK_SECONDS = 0.2
SERVICE = "elasticloadbalancing"


@dataclass(frozen=True)
class Route:
    """One rule: paths with `*` and `?`, and the node port they lead to; None while its group has no node."""

    paths: tuple[str, ...]
    port: int | None

    def matches(self, path: str) -> bool:
        """As an ALB does: case counts."""
        return any(fnmatch.fnmatchcase(path, each) for each in self.paths)


def read_declared(client: Any) -> list[Route] | None:
    """The rules in their order; None when there is no listener to ask."""
    routes: list[Route] | None = None
    for balancer in client.describe_load_balancers()["LoadBalancers"]:
        for listener in client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            rules = client.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            ordered = sorted((each for each in rules if not each["IsDefault"]), key=lambda each: int(each["Priority"]))
            routes = [*(routes or []), *(_route(client, each) for each in ordered)]
    return routes


def _route(client: Any, rule: dict[str, Any]) -> Route:
    paths = [value for each in rule["Conditions"] for value in each.get("PathPatternConfig", each).get("Values", ())]
    group = rule["Actions"][0]["TargetGroupArn"]
    nodes = client.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    (found,) = client.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    return Route(tuple(paths), int(found["Port"]) if nodes else None)


class LoadBalancer:
    """Listens and routes by what was read last."""

    def __init__(self, client: Any, changes: Path, node: str) -> None:
        self._client, self._changes, self._node = client, changes, node
        self._routes: list[Route] = []
        self._router = Router(self._find, silent=BROKEN)
        self._known = -1

    def _find(self, host: str, path: str) -> list[Target] | None:
        route = next((each for each in self._routes if each.matches(path)), None)
        if route is None:
            return None
        return [] if route.port is None else [(self._node, route.port)]

    async def follow(self, address: str, port: int) -> None:
        """Until the process ends."""
        server: asyncio.Server | None = None
        while True:
            count = count_of(self._changes, SERVICE)
            if count != self._known:
                try:
                    routes = await asyncio.to_thread(read_declared, self._client)
                except (BotoCoreError, ClientError) as error:
                    sys.stderr.write(f"routing by the last known rules: {error}\n")
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                self._routes, self._known = routes or [], count
                if routes is not None and server is None:
                    server = await self._router.listen(address, port)
                elif routes is None and server is not None:
                    server.close()
                    server = None
            await asyncio.sleep(LOOK_SECONDS)


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM, whose default action ends the process at once."""
    parser = argparse.ArgumentParser(prog="lab.aws.load_balancer", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="IP:PORT")
    parser.add_argument("--node", required=True, help="the address of the region's node")
    parser.add_argument("--region", required=True)
    parser.add_argument("--moto", required=True, help="moto's URL")
    parser.add_argument("--changes", type=Path, required=True, help="folder with moto's counts of writes")
    options = parser.parse_args(argv)
    address, _, port = options.listen.rpartition(":")
    client = boto3.client(
        "elbv2",
        endpoint_url=options.moto,
        region_name=options.region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(retries={"total_max_attempts": 1}),
    )
    sys.stdout.write(f"process {os.getpid()} ready: load balancers of {options.region} on {options.listen}\n")
    sys.stdout.flush()
    asyncio.run(LoadBalancer(client, options.changes, options.node).follow(address, int(port)))


if __name__ == "__main__":
    main()
