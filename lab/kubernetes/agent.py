"""The lab's node: kubelet, kube-proxy and ingress controller of one site in one process.

    python -m lab.kubernetes.agent --kubeconfig K --site prod --pod-cidr C --volumes DIR \
        --images FILE.json --node-address IP --logs DIR [--edge IP:8080] [--eks-auth JSON]

Binds every pending Pod to itself and runs the declared containers as processes of this machine, each Pod on a loopback
address of its own, which its processes must bind to (`status.podIP`). Real: environment, volumes, probes, restarts,
exit codes, phases, Services with the client's source address, Ingress, Pod Identity's agent (pod_identity.py).
Different from a cluster:
- No isolation: readOnlyRootFilesystem, resources, NetworkPolicy and user ids of a securityContext are not enforced;
  containers see the machine's file system, and mount paths are translated (see volumes.py).
- An outgoing connection has the source address the program binds; without a bind the kernel picks 127.0.0.1.
- No cluster DNS: Services are found by Kubernetes' own environment variables. Lifecycle hooks are not run.
- Back-offs are short (containers.py) and first probes eager (probes.py).
Processes die with the agent. A new agent adopts nothing: a Pod that the API calls Running is started anew, with its
address, its volumes and one more restart.
"""

import argparse
import asyncio
import ipaddress
import json
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.kubernetes.api import Api, ApiError, Object
from lab.kubernetes.cache import Cache
from lab.kubernetes.containers import now
from lab.kubernetes.ingress import Ingress
from lab.kubernetes.node import Addresses, Node
from lab.kubernetes.pod_identity import EksAuth, PodIdentityAgent
from lab.kubernetes.pods import FINISHED, PodWorker, confirm_deletion
from lab.kubernetes.services import ServiceProxy

RETRY_SECONDS, SHUTDOWN_GRACE_SECONDS = 0.2, 2.0
ALREADY_EXISTS = 409

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The agent's command line."""

    kubeconfig: Path
    site: str
    pod_cidr: ipaddress.IPv4Network
    volumes: Path
    images: Path
    edge: str
    node_address: str
    logs: Path
    eks_auth: EksAuth | None


class Agent:
    """Follows the cluster and keeps this machine in line with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pods = Cache(api := Api(settings.kubeconfig), "/api/v1/pods", self._changed)
        self._services = Cache(api, "/api/v1/services", self._changed)
        self._ingresses = Cache(api, "/apis/networking.k8s.io/v1/ingresses", self._changed)
        self.node = Node(
            name=f"{settings.site}-node",
            api=api,
            images=settings.images,
            volumes=settings.volumes,
            logs=settings.logs,
            addresses=Addresses(settings.pod_cidr),
            services=self._services.items,
            pod_identity=PodIdentityAgent(settings.node_address, api, settings.eks_auth),
        )
        self._proxy = ServiceProxy(settings.node_address)
        self._ingress = Ingress(self._ingresses.items, self._services.items, self._pods.items)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pending = False

    async def run(self) -> None:
        """Serve until SIGTERM; then end every process and return."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        host, _, port = self._settings.edge.rpartition(":")
        # Without an address of its own there is no ingress controller: the DR site's edge is a load balancer.
        edge = await self._ingress.listen(host, int(port)) if host else None
        self.node.pod_identity.start()
        starting = asyncio.create_task(self._start())
        await ended.wait()
        starting.cancel()
        if edge is not None:
            edge.close()
        await asyncio.gather(*(worker.abandon(SHUTDOWN_GRACE_SECONDS) for worker in self._workers.values()))

    async def _start(self) -> None:
        await register(self.node, self._settings.site)
        for cache in (self._services, self._pods, self._ingresses):
            cache.start()

    def _changed(self) -> None:
        if not self._pending:
            self._pending = True
            asyncio.get_running_loop().call_soon(self._reconcile)

    def _reconcile(self) -> None:
        self._pending = False
        # A Pod's environment names the Services, so none starts before they are known.
        if not (self._pods.synced and self._services.synced):
            return
        pods = self._pods.objects
        self._proxy.update(self._services.objects.values(), pods.values())
        for uid in self._workers.keys() - pods.keys():
            self._workers.pop(uid).vanish()
        # Pods that had an address come first, so that no new one is given theirs.
        for pod in sorted(pods.values(), key=lambda pod: not pod.get("status", {}).get("podIP")):
            self._follow(pod)

    def _follow(self, pod: Object) -> None:
        uid, spec = pod["metadata"]["uid"], pod["spec"]
        deleting = "deletionTimestamp" in pod["metadata"]
        worker = self._workers.get(uid)
        if worker and deleting:
            worker.delete(float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))
        elif worker:
            return
        elif not spec.get("nodeName"):
            if not deleting and not spec.get("schedulingGates"):
                self._once(uid, "bind", pod)
        elif spec["nodeName"] == self.node.name:
            if deleting:
                self._once(uid, "confirm", pod)
            elif pod.get("status", {}).get("phase") not in FINISHED:
                self._run(pod)

    def _run(self, pod: Object) -> None:
        try:
            self._workers[pod["metadata"]["uid"]] = PodWorker(self.node, pod)
        except RuntimeError as error:
            log.warning("Pod %s waits: %s", pod["metadata"]["name"], error)

    def _once(self, uid: str, action: str, pod: Object) -> None:
        """Start `action` for a Pod unless it is under way."""
        if uid not in self._tasks:
            work = bind(self.node, pod) if action == "bind" else confirm_deletion(self.node, pod)
            self._tasks[uid] = task = asyncio.create_task(work)
            task.add_done_callback(lambda _: self._tasks.pop(uid, None))


async def bind(node: Node, pod: Object) -> None:
    """The scheduler's part: this node takes the Pod."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
    target = {"apiVersion": "v1", "kind": "Node", "name": node.name}
    body = {"metadata": {"name": meta["name"], "uid": meta["uid"]}, "target": target}
    while True:
        try:
            await asyncio.to_thread(node.api.create, path, body)
        except ApiError as error:
            if 0 < error.status < 500:
                return  # deleted, or bound already
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def register(node: Node, site: str) -> None:
    """Make the Node object and call it Ready; waits for the API server."""
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", "ultramarket.lab/site": site}
    body: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name, "labels": labels}}
    resources = {"cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "1Ti"}
    ready = {"type": "Ready", "status": "True", "reason": "AgentReady", "lastHeartbeatTime": now()}
    status = {"conditions": [{**ready, "lastTransitionTime": now()}], "capacity": resources, "allocatable": resources}

    def write() -> None:
        try:
            node.api.create("/api/v1/nodes", body)
        except ApiError as error:
            if error.status != ALREADY_EXISTS:
                raise
        node.api.merge(f"/api/v1/nodes/{node.name}", {"spec": {"taints": None}})
        node.api.merge(f"/api/v1/nodes/{node.name}/status", {"status": status})

    while True:
        try:
            await asyncio.to_thread(write)
        except ApiError as error:
            log.info("not registered yet: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


def _settings(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="lab.kubernetes.agent", description="One site's node in the lab.")
    for name in ("kubeconfig", "volumes", "images", "logs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--pod-cidr", type=ipaddress.IPv4Network, required=True)
    for name in ("site", "node-address"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--edge", default="", help="IP:PORT of an ingress controller, if the site has one")
    parser.add_argument("--eks-auth", type=lambda text: EksAuth(**json.loads(text)))
    return Settings(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Run the agent until it is told to end."""
    settings = _settings(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings.logs.mkdir(parents=True, exist_ok=True)
    settings.volumes.mkdir(parents=True, exist_ok=True)

    async def serve() -> None:
        await Agent(settings).run()
        # Watching threads block in a read for minutes; nothing they hold needs closing.
        os._exit(0)

    asyncio.run(serve())


if __name__ == "__main__":
    main()
