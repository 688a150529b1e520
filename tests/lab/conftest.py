"""One real cluster with its node for all tests of a worker; every test has a namespace of its own."""

import json
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.aws.site import Aws, place_endpoint, start_aws
from lab.kubernetes.api import Api, ApiError
from lab.kubernetes.control_plane import Cluster, start_clusters
from lab.kubernetes.images import Image, write_images
from lab.kubernetes.pod_identity import EksAuth
from lab.machine.addresses import Block, claim_block
from lab.machine.processes import Supervisor, wait_until
from lab.noted import POD_IDENTITIES
from tests.support.lab_stacks import base as base  # a fixture

Object = dict[str, Any]
DIGEST = "sha256:" + "0" * 64
PYTHON_IMAGE = f"lab.test/python@{DIGEST}"
IMAGES = {
    "lab.test/python": Image(path=(str(Path(sys.executable).parent),)),
    "lab.test/shell-4242": Image(uid=4242, entrypoint=("/bin/sh", "-c")),
}
REGION = "us-west-2"


class Workspace:
    """A namespace to run things in."""

    def __init__(self, cluster: Cluster, block: Block) -> None:
        self.cluster, self.block, self.api = cluster, block, cluster.api()
        self.name = f"t-{uuid.uuid4().hex[:8]}"
        self.api.create("/api/v1/namespaces", {"metadata": {"name": self.name}})

    def path(self, kind: str, name: str = "", group: str = "api/v1") -> str:
        """Where a kind, or one object of it, lies in the API."""
        prefix = group if group == "api/v1" else f"apis/{group}"
        return f"/{prefix}/namespaces/{self.name}/{kind}" + (f"/{name}" if name else "")

    def create(self, kind: str, name: str, group: str = "api/v1", labels: Object | None = None, **body: Any) -> Object:
        """Create an object; `body` is everything beside its metadata."""
        return self.api.create(self.path(kind, group=group), {"metadata": {"name": name, "labels": labels}, **body})

    def pods(self, **labels: str) -> list[Object]:
        """The namespace's Pods with these labels."""
        found = self.api.get(self.path("pods"))["items"]
        return [pod for pod in found if labels.items() <= pod["metadata"].get("labels", {}).items()]

    def pod(self, name: str) -> Object:
        """One Pod; empty while it is not there."""
        try:
            return self.api.get(self.path("pods", name))
        except ApiError as error:
            if error.status != 404:
                raise
            return {}

    def log(self, pod: str, container: str = "main") -> str:
        """What the container has written so far."""
        path = self.cluster.pod_logs / f"{pod}.{container}.log"
        return path.read_text() if path.exists() else ""

    def eventually(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, within a bound."""
        wait_until(condition, what=what, interval=0.1)


def python(program: str, **more: Any) -> Object:
    """A container named main that runs a Python program."""
    return {"name": "main", "image": PYTHON_IMAGE, "command": ["python", "-u", "-c", program], **more}


def is_ready(pod: Object) -> bool:
    """Whether the Pod's Ready condition holds."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def container_state(pod: Object) -> Object:
    """The state of the Pod's first container; empty while the node has not said anything."""
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    return statuses[0].get("state", {})


@pytest.fixture(scope="session")
def site() -> Iterator[tuple[Cluster, Block]]:
    # Not in pytest's own folder, which it closes to other users: images may have a user of their own.
    run_dir = Path(tempfile.mkdtemp(prefix="lab-k8s-"))
    run_dir.chmod(0o711)
    block, supervisor = claim_block(), Supervisor(run_dir / "logs")
    write_images(run_dir / "images.json", IMAGES)
    try:
        cluster = Cluster(supervisor, "prod", block.prod, run_dir / "prod", {"robot": ("robots",)})
        start_clusters([cluster])
        noted = str(run_dir / "noted.json")
        eks_auth = EksAuth(cluster="prod", region=REGION, endpoint=place_endpoint(block, "prod"), noted=noted)
        cluster.start_node_agent(run_dir / "images.json", eks_auth=eks_auth)
        yield cluster, block
        cluster.stop()
    finally:
        supervisor.stop_all()
        block.release()
        shutil.rmtree(run_dir, ignore_errors=True)


@pytest.fixture
def space(site: tuple[Cluster, Block]) -> Workspace:
    return Workspace(*site)


@pytest.fixture(scope="session")
def admin(site: tuple[Cluster, Block]) -> Api:
    return site[0].api()


@pytest.fixture
def pod_aws(space: Workspace, tmp_path: Path) -> Iterator[Aws]:
    """AWS, at the addresses of the cluster's own block."""
    supervisor = Supervisor(tmp_path / "logs")
    try:
        yield start_aws(supervisor, space.block, tmp_path / "aws")
    finally:
        supervisor.stop_all()


def associate(space: Workspace, account: str, role: str) -> None:
    """What the lab's provider notes when a stack declares an association."""
    noted = space.cluster.run_dir.parent / "noted.json"
    entry = {"inputs": {"roleArn": role}}
    noted.write_text(json.dumps({POD_IDENTITIES: {f"{REGION} prod:{space.name}:{account}": entry}}))
