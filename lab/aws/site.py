"""Starts AWS's side of a run and tells the others how to reach it."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.aws.reach import Reach
from lab.machine.addresses import AWS_PORT, DNS_PORT, EDGE_PORT, Block
from lab.machine.processes import Child, Supervisor, wait_until

ROOT = Path(__file__).resolve().parents[2]
MOTO_PORT = 5000
PLACE_REGIONS = {
    "prod": "us-east-1",
    "dr": "us-west-2",
    "operator": "us-west-2",
    "witness": "us-east-2",
    "checkers": "us-east-1",
}
_FOREIGN = ("AWS_", "PULUMI_", "KUBE", "MOTO_")


def scrubbed_environment() -> dict[str, str]:
    """This process's environment without anything that points at a real account or cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


@dataclass(frozen=True)
class Aws:
    """A running stand-in for AWS."""

    supervisor: Supervisor
    block: Block
    run_dir: Path
    python: str
    reach: Reach

    @property
    def moto(self) -> str:
        """moto's own URL: AWS's inside. What stands for a client goes through a place's endpoint instead."""
        return f"http://{self.block.moto}:{MOTO_PORT}"

    def endpoint(self, place: str) -> str:
        """The place's single AWS_ENDPOINT_URL. Raises KeyError for a place that does not exist."""
        return place_endpoint(self.block, place)

    def env(self, place: str) -> dict[str, str]:
        """What a process at this place gets as environment, on top of its own."""
        return aws_environment(self.block, place)

    @property
    def dns_status(self) -> Path:
        """Where the DNS server writes the health checks' state."""
        return self.run_dir / "route53-status.json"

    @property
    def changes(self) -> Path:
        """Where moto counts the writes of each service."""
        return self.run_dir / "changes"

    def start(self, name: str, module: str, *arguments: str) -> Child:
        """Start one of the lab's own servers without waiting for it."""
        argv = [self.python, "-m", module, *arguments]
        return self.supervisor.start(name, argv, env=scrubbed_environment() | self.env("operator"), cwd=ROOT)


def aws_environment(block: Block, place: str) -> dict[str, str]:
    """What points a process at this place to the place's front. Raises KeyError for a place that does not exist."""
    return {
        "AWS_ENDPOINT_URL": place_endpoint(block, place),
        "AWS_DEFAULT_REGION": PLACE_REGIONS[place],
        "AWS_REGION": PLACE_REGIONS[place],
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def place_endpoint(block: Block, place: str) -> str:
    """The URL of the place's front. Raises KeyError for a place that does not exist."""
    return f"http://{place_addresses(block)[place]}:{AWS_PORT}"


def place_addresses(block: Block) -> dict[str, str]:
    """Each place's own address."""
    return {
        "prod": block.prod.front,
        "dr": block.dr.front,
        "operator": block.front_operator,
        "witness": block.front_witness,
        "checkers": block.front_checkers,
    }


def start_aws(
    supervisor: Supervisor,
    block: Block,
    run_dir: Path,
    python: str = sys.executable,
    *,
    replication_delay: float = 0.0,
    table_home: str = "us-west-2",
    table_replicas: Sequence[str] = ("us-east-1", "us-west-2"),
) -> Aws:
    """Start moto, fronts and replicator (processes `moto`, `fronts`, `replicator`) and wait until AWS answers.

    `replication_delay` is in seconds. Raises RuntimeError with the log when one dies, TimeoutError when one hangs.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    rules, record = run_dir / "rules.json", run_dir / "attempts.jsonl"
    aws = Aws(supervisor, block, run_dir, python, Reach(rules, record))
    aws.reach.restore_all()
    places = json.dumps({address: place for place, address in place_addresses(block).items()})
    moto = aws.start(
        "moto", "lab.aws.moto_server", "--address", block.moto, "--port", str(MOTO_PORT), "--changes", str(aws.changes),
    )  # fmt: skip
    fronts = aws.start(
        "fronts", "lab.aws.front", "--places", places, "--port", str(AWS_PORT), "--rules", str(rules),
        "--moto", aws.moto, "--record", str(record), "--table-home", table_home, "--table-replicas", *table_replicas,
    )  # fmt: skip
    aws.start(
        "replicator", "lab.aws.replicator", "--moto", aws.moto, "--delay", str(replication_delay),
        "--state", str(run_dir / "replicated.jsonl"), "--rules", str(rules), "--changes", str(aws.changes),
    )  # fmt: skip
    # Not the replicator: what is written before its first look is copied then.
    wait_ready(moto, fronts)
    return aws


def start_dns(aws: Aws, static: Mapping[str, str]) -> Child:
    """Start Route 53's data plane (process `route53`) on the block's DNS address, port 10053.

    `static` maps names outside the zones, such as production's edge, to addresses. A load balancer's own name is
    known while it is there.
    """
    balancers = json.dumps({PLACE_REGIONS["dr"]: aws.block.dr.edge})
    child = aws.start(
        "route53", "lab.route53", "--listen", f"{aws.block.dns}:{DNS_PORT}", "--moto", aws.moto,
        "--checkers-front", aws.endpoint("checkers"), "--static", json.dumps(dict(static)),
        "--status", str(aws.dns_status), "--changes", str(aws.changes), "--load-balancers", balancers,
    )  # fmt: skip
    wait_ready(child)
    return child


def start_load_balancers(aws: Aws) -> Child:
    """Start what stands for the DR region's load balancers (process `load-balancers`), before the node's ports."""
    site = aws.block.dr
    child = aws.start(
        "load-balancers", "lab.aws.load_balancer", "--listen", f"{site.edge}:{EDGE_PORT}", "--node", site.node,
        "--region", PLACE_REGIONS["dr"], "--moto", aws.moto, "--changes", str(aws.changes),
    )  # fmt: skip
    wait_ready(child)
    return child


def check_states(aws: Aws) -> dict[str, dict[str, Any]]:
    """Each health check by id: `has_data`, `healthy` (after inversion), `since`; empty before the first look."""
    return json.loads(aws.dns_status.read_text())["checks"] if aws.dns_status.exists() else {}


def wait_ready(*children: Child) -> None:
    """Wait for each server's ready line. The log of a restarted one starts anew with its process's own line."""
    for child in children:
        wait_until(lambda child=child: _ready(child), what=f"{child.name} to be ready", alive=[child])


def _ready(child: Child) -> bool:
    return child.log.exists() and f"process {child.process.pid} ready" in child.log.read_text(errors="replace")
