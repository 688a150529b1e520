"""`python -m lab.previews`: what a reviewer sees when each complete stack is made, written to `docs/preview-*.txt`, and
the patch for production's primary, written into `docs/gate-sidecar.md`.

By Pulumi's real engine, on AWS's stand-in, of the committed stack files with every optional part switched on. Nothing
is applied: of prod, dr needs only the outputs, which are put into an otherwise empty state.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lab.aws.site import Aws, start_aws
from lab.machine import binaries
from lab.machine.addresses import claim_block
from lab.machine.engine import Engine
from lab.machine.processes import Supervisor
from lab.project import ROOT, SECRETS, STACKS, with_backup_account, write_project
from recovery.names import PLAN_MAP, Names
from recovery.plan.loading import load_plan

DOCS = ROOT / "docs"
SIDECAR = DOCS / "gate-sidecar.md"
# What a StackReference read is printed wherever the engine is when it arrives.
_READ = re.compile(r"^ {8}--outputs:--\n {8}outputs +: \{\n(?: {12}.*\n)* {8}\}\n", re.MULTILINE)
_RESOURCE = re.compile(r"^(?= +[+>] [\w:/.]+: \((?:create|read)\))", re.MULTILINE)
_KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
# A public certificate; nobody has its key.
PRIMARY_CA = (
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBQzCB66ADAgECAgEBMAoGCCqGSM49BAMCMB8xHTAbBgNVBAMMFHVsdHJhbWFy\n"
    "a2V0IGRhdGFiYXNlMCAXDTI2MDEwMTAwMDAwMFoYDzIwNTYwMTAxMDAwMDAwWjAf\n"
    "MR0wGwYDVQQDDBR1bHRyYW1hcmtldCBkYXRhYmFzZTBZMBMGByqGSM49AgEGCCqG\n"
    "SM49AwEHA0IABGQthl2Z1IJJ4Rbc2s2yZSSM0wgC8XMmcWuq+CpM5H2/B2W59kN/\n"
    "3CFNzn6BlqAbJ6Ns36e161RG7bD1BmQEi9+jFjAUMBIGA1UdEwEB/wQIMAYBAf8C\n"
    "AQAwCgYIKoZIzj0EAwIDRwAwRAIgAO6fznypuvwgQHWYvL1AVL7rtKGtrW1dSjFf\n"
    "mS/BE8ECICwg7BrJF4Bst51Tm2H0rwdEj8OycR1AE5P2JVkt+I26\n"
    "-----END CERTIFICATE-----\n"
)
OPTIONAL: dict[str, dict[str, Any]] = {
    "foundation": {
        "operators": ["arn:aws:iam::123456789012:user/on-call"],
        "assetsBucket": "ultramarket-assets",
        "assetsKey": _KEY,
        "replicateImages": True,
        "logBucketProd": "ultramarket-logs-us-east-1",
        "logBucketDr": "ultramarket-logs-us-west-2",
        "backupAccountRole": "arn:aws:iam::210987654321:role/dr-foundation",
        "drLoadBalancer": "ultramarket-dr-edge-1234567890.us-west-2.elb.amazonaws.com",
    },
    "prod": {
        "clusterEndpoint": "https://127.0.0.1:6443",  # the lab's provider takes no other; nothing is asked there
        "drPeering": "pcx-0123456789abcdef0",
        "drVpcCidr": "10.20.0.0/16",
        "drVpc": "vpc-0123456789abcdef1",
        "routeTables": ["rtb-0123456789abcdef0"],
        "primarySecurityGroup": "sg-0123456789abcdef0",
        "privateZone": "Z0123456789ABCDEFGHIJ",
        "primaryPodLabels": {"app": "postgres-primary"},
        "primaryAdmits": ["10.20.0.0/16"],
        "systemIdentifier": "7300000000000000001",
        "replicaInSite": True,
        "postgresImage": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/ultramarket/postgres@sha256:{'a' * 64}",
        "storageSize": "400Gi",
        "podCidrs": ["10.10.0.0/16"],
        "primaryCa": PRIMARY_CA,
        "redisCa": PRIMARY_CA,
        "redisSecurityGroup": "sg-0123456789abcdef1",
    },
    "dr": {
        "vpcCidr": "10.20.0.0/16",
        "zones": ["us-west-2a", "us-west-2b"],
        "productionVpc": "vpc-0123456789abcdef0",
        "productionCidr": "10.10.0.0/16",
        "assetsBucket": "ultramarket-assets",
    },
}
PROD_OUTPUTS = {
    "primary_host": "postgres-primary.ultramarket.internal",
    "primary_port": "5432",
    "ssl_mode": "verify-full",
    "primary_ca": PRIMARY_CA,
    "redis_host": "redis-primary.ultramarket.internal",
    "redis_port": "6379",
    "redis_tls": "yes",
    "redis_ca": PRIMARY_CA,
    "edge": "edge-prod.ultramarket.com:443",
    "system_identifier": "7300000000000000001",
}


_FENCED = re.compile(r"(?<=```yaml\n)spec:\n.*?(?=```\n)", re.DOTALL)


def with_sidecar(page: str) -> str:
    """docs/gate-sidecar.md with what the prod stack's output `gate_sidecar` says. Raises ValueError when the page has
    no such block."""
    from components.databases.gate_sidecar import patch
    from components.databases.guard_container import GuardArgs
    from components.runners import Runners

    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    plan = load_plan(ROOT / "recovery.yaml")
    at = Runners(
        site="prod",
        names=Names(plan, config["ultramarket-dr:account"]),
        cluster="",
        namespace="",
        image=config["ultramarket-dr:runnerImage"],
        plan_map=PLAN_MAP,
    )
    redis = f"{config['ultramarket-dr:redisHost']}:6379"
    guard = GuardArgs(at=at, mode=config["ultramarket-dr:guardMode"], password="", redis=redis)
    text = patch(guard, PLAN_MAP)
    written, count = _FENCED.subn(lambda _: text, page)
    if count != 1:
        raise ValueError(f"expected one block of yaml that begins with `spec:`, found {count}")
    return written


def previews(aws: Aws, folder: Path) -> dict[str, str]:
    """`pulumi preview --diff` of every stack from nothing; `folder` is new. Raises EngineError."""
    engine = from_nothing(aws, folder)
    _import_outputs(engine, folder / "prod.json")
    return {stack: _plain(engine.preview(stack, json=False).must().output) for stack in STACKS}


def from_nothing(aws: Aws, folder: Path, stacks: Iterable[str] = STACKS) -> Engine:
    """An engine on the complete `stacks`, none of which has anything yet; `folder` is new. Raises EngineError."""
    overlay = {stack: {f"ultramarket-dr:{key}": value for key, value in OPTIONAL[stack].items()} for stack in STACKS}
    overlay["dr"] |= {"ultramarket-dr:subnetIds": None, "ultramarket-dr:publicSubnetIds": None}
    project = write_project(folder / "project", overlay, lab_lease=False)
    plan = project / "recovery.yaml"
    plan.write_text(with_backup_account(plan.read_text()))
    tools = {"LAB_RUN": folder.name, "LAB_BIN": str(binaries.find().bin), "LAB_STATE_DIR": str(folder / "kept")}
    engine = Engine(project, folder / "pulumi", {**aws.env("operator"), **tools}, folder / "bin")
    for stack in stacks:
        engine.init(stack)
        if pairs := [f"--secret=ultramarket-dr:{key}=not-a-secret" for key in SECRETS[stack]]:
            engine.run("config", "set-all", *pairs, stack=stack).must()
    return engine


def _import_outputs(engine: Engine, file: Path) -> None:
    """A state of prod that holds its outputs and nothing else."""
    state = engine.export("prod")
    kind, name = "pulumi:pulumi:Stack", "ultramarket-dr-prod"
    state["deployment"]["resources"] = [
        {"urn": f"urn:pulumi:prod::ultramarket-dr::{kind}::{name}", "type": kind, "outputs": PROD_OUTPUTS}
    ]
    file.write_text(json.dumps(state))
    engine.run("stack", "import", "--file", str(file), stack="prod").must()


def _plain(text: str) -> str:
    """Without what differs from run to run: order, random ends of names, durations, and what else is printed."""
    shown = re.sub(r"-[0-9a-f]{7}\"", '-…"', text[text.index("pulumi:pulumi:Stack") :])
    declared, _, summary = shown.partition("Resources:\n")
    resources, _, outputs = _READ.sub("", declared).partition("\n    --outputs:--\n")
    stack, *blocks = _RESOURCE.split(resources)
    parts = [stack, *sorted(blocks, key=_place)]
    if outputs:
        parts += ["    --outputs:--", outputs]
    parts += ["Resources:", summary.partition("\n\n")[0]]
    lines = (line.rstrip() for part in parts for line in part.splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def _place(block: str) -> tuple[str, str]:
    """A component before its children: by the outermost type, then by name."""
    types, _, name = block.partition("[urn=")[2].partition("]")[0].partition("::ultramarket-dr::")[2].rpartition("::")
    return types.partition("$")[0], name


def main() -> None:
    """Write the documents."""
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-previews-"))
    block, supervisor = claim_block(), Supervisor(folder / "logs")
    try:
        aws = start_aws(supervisor, block, folder / "aws")
        for stack, text in previews(aws, folder / "run").items():
            (DOCS / f"preview-{stack}.txt").write_text(text)
        SIDECAR.write_text(with_sidecar(SIDECAR.read_text()))
    finally:
        supervisor.stop_all()
        block.release()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
