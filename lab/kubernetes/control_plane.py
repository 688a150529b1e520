"""One site's Kubernetes control plane: etcd, API server and controller manager on the site's own loopback addresses.

    cluster = start_cluster(supervisor, "prod", block.prod, run_dir, extra_tokens={"operator": ("promoters",)})
    cluster.start_node_agent(images_file)
    ...
    cluster.kill()      # the region is gone
    cluster.restart()   # it comes back, with the data that etcd had

Several clusters at once: `launch` each, then `wait_ready` each; they then boot side by side.
"""

import base64
import os
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from lab.addresses import EDGE_PORT, SiteAddresses
from lab.kubernetes.api import Api, ApiError
from lab.kubernetes.certificates import write_private_key, write_serving_certificate
from lab.kubernetes.process import descendants, kill_all
from lab.processes import Child, Supervisor, wait_until

API_PORT, ETCD_PORT, ETCD_PEER_PORT = 6443, 2379, 2380
READY_SECONDS = 120.0
ADMIN, NODE_AGENT = "admin", "node-agent"
MASTERS = ("system:masters",)
# Of the controllers only those that do something here: Pods' addresses are refused in EndpointSlices, nodes do not
# come and go, and volumes are the node agent's.
CONTROLLERS = (
    "deployment-controller,replicaset-controller,statefulset-controller,job-controller,cronjob-controller,"
    "garbage-collector-controller,namespace-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,"
    "pod-garbage-collector-controller,ttl-after-finished-controller,disruption-controller,resourcequota-controller,"
    "clusterrole-aggregation-controller,horizontal-pod-autoscaler-controller"
)
# ServiceAccount would demand tokens that nobody here mounts; StorageObjectInUse adds finalizers to volume claims that
# only a controller we do not run takes away. PodSecurity stays on.
ADMISSION_OFF = "ServiceAccount,StorageObjectInUseProtection"


def binaries() -> Path:
    """The folder with the lab's binaries. Raises RuntimeError when LAB_BIN does not name it."""
    folder = os.environ.get("LAB_BIN", "")
    if not folder or not (Path(folder) / "kube-apiserver").exists():
        raise RuntimeError(f"LAB_BIN={folder!r} holds no kube-apiserver; `make lab-tools` builds the lab's binaries")
    return Path(folder)


class Cluster:
    """A site's cluster. Made by `start_cluster` or, several at once, by `launch` and `wait_ready`."""

    def __init__(
        self,
        supervisor: Supervisor,
        name: str,
        site: SiteAddresses,
        run_dir: Path,
        extra_tokens: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.name, self.site, self.run_dir = name, site, run_dir.absolute()
        self.endpoint = f"https://{site.api_server}:{API_PORT}"
        self._supervisor, self._images = supervisor, None
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self._etcd, self._api_server, self._controllers, self._agent = (
            f"{name}-{part}" for part in ("etcd", "kube-apiserver", "kube-controller-manager", "node-agent")
        )
        groups = {ADMIN: MASTERS, NODE_AGENT: MASTERS, **(extra_tokens or {})}
        self._tokens = {user: secrets.token_hex(16) for user in groups}
        self._write_keys()
        self._write_tokens(groups)
        for user in groups:
            self._write_kubeconfig(user)

    _images: Path | None

    @property
    def children(self) -> tuple[str, ...]:
        """Names of its processes under the supervisor, in stop order."""
        return (self._agent, self._controllers, self._api_server, self._etcd)

    @property
    def ca_data(self) -> str:
        """The authority that verifies `endpoint`, PEM in base64, as kubeconfig and EKS have it."""
        return base64.b64encode((self.run_dir / "apiserver.crt").read_bytes()).decode()

    @property
    def volumes(self) -> Path:
        """Where Pods' volumes lie."""
        return self.run_dir / "v"

    @property
    def pod_logs(self) -> Path:
        """Where containers' output goes: `<pod>.<container>.log`."""
        return self.run_dir / "pod-logs"

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """A kubeconfig for one of the users. Raises KeyError for a user the cluster was not made with."""
        if user not in self._tokens:
            raise KeyError(f"{user} is not a user of cluster {self.name}: {', '.join(self._tokens)}")
        return self.run_dir / f"kubeconfig-{user}.yaml"

    def token(self, user: str = ADMIN) -> str:
        """The user's bearer token. Raises KeyError as `kubeconfig` does."""
        return self._tokens[user]

    def api(self, user: str = ADMIN) -> Api:
        """A plain client."""
        return Api(self.kubeconfig(user))

    # -- life

    def launch(self) -> None:
        """Start etcd and the API server without waiting until they serve."""
        etcd = f"http://{self.site.etcd}:{ETCD_PORT}"
        self._supervisor.start(self._etcd, self._etcd_command(etcd), env=_environment())
        self._supervisor.start(self._api_server, self._api_server_command(etcd), env=_environment())

    def wait_ready(self) -> None:
        """Wait until the API serves, then start the controllers. Raises TimeoutError, RuntimeError with a log."""
        api = self.api()
        children = [self._supervisor.children[name] for name in (self._etcd, self._api_server)]
        wait_until(lambda: _answers(api), timeout=READY_SECONDS, what=f"the API server of {self.name}", alive=children)
        self._supervisor.start(self._controllers, self._controllers_command(), env=_environment())

    def start_node_agent(self, images: Path, *, wait: bool = True) -> Child:
        """Start the site's node; `images` is the file of `lab.images.write_images`."""
        self._images = images
        agent = self._supervisor.start(self._agent, self._agent_command(images), env=_agent_environment())
        if wait:
            api, path = self.api(), f"/api/v1/nodes/{self.name}-node"
            wait_until(lambda: _node_ready(api, path), timeout=READY_SECONDS, what=path, alive=[agent])
        return agent

    def kill(self) -> None:
        """The site is lost without warning: SIGKILL to everything, grandchildren in sessions of their own included."""
        self._kill(*self.children)

    def kill_node(self) -> None:
        """Only the node is lost."""
        self._kill(self._agent)

    def _kill(self, *names: str) -> None:
        agent = self._supervisor.children.get(self._agent)
        family = descendants(agent.process.pid) if agent else []
        self._supervisor.kill(*names)
        kill_all(family)

    def stop(self) -> None:
        """End it in order: an API server without its etcd would not listen to SIGTERM."""
        for name in self.children:
            self._supervisor.stop(name, 3.0)

    def restart(self) -> None:
        """Start again after `kill` or `stop`: same addresses, same data, and the node if there was one."""
        self.launch()
        self.wait_ready()
        if self._images:
            self.start_node_agent(self._images)

    # -- commands

    def _etcd_command(self, url: str) -> list[str]:
        peer = f"http://{self.site.etcd}:{ETCD_PEER_PORT}"
        return [
            str(binaries() / "etcd"),
            "--unsafe-no-fsync",
            f"--name={self.name}",
            f"--data-dir={self.run_dir / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={self.name}={peer}",
            "--log-level=warn",
        ]

    def _api_server_command(self, etcd: str) -> list[str]:
        key = self.run_dir / "service-accounts.key"
        return [
            str(binaries() / "kube-apiserver"),
            f"--etcd-servers={etcd}",
            f"--secure-port={API_PORT}",
            f"--bind-address={self.site.api_server}",
            f"--advertise-address={self.site.api_server}",
            f"--tls-cert-file={self.run_dir / 'apiserver.crt'}",
            f"--tls-private-key-file={self.run_dir / 'apiserver.key'}",
            f"--cert-dir={self.run_dir / 'certs'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--service-cluster-ip-range={self.site.services}",
            f"--token-auth-file={self.run_dir / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--disable-admission-plugins={ADMISSION_OFF}",
            "--endpoint-reconciler-type=none",
            "--enable-priority-and-fairness=false",
            "--profiling=false",
        ]

    def _controllers_command(self) -> list[str]:
        return [
            str(binaries() / "kube-controller-manager"),
            f"--kubeconfig={self.kubeconfig(ADMIN)}",
            "--leader-elect=false",
            f"--controllers={CONTROLLERS}",
            "--secure-port=0",
            f"--root-ca-file={self.run_dir / 'apiserver.crt'}",
            "--profiling=false",
        ]

    def _agent_command(self, images: Path) -> list[str]:
        return [
            sys.executable,
            "-m",
            "lab.kubernetes.agent",
            f"--kubeconfig={self.kubeconfig(NODE_AGENT)}",
            f"--site={self.name}",
            f"--pod-cidr={self.site.pods}",
            f"--gate-cidr={self.site.gates}",
            f"--volumes={self.volumes}",
            f"--images={images.absolute()}",
            f"--edge={self.site.edge}:{EDGE_PORT}",
            f"--logs={self.pod_logs}",
        ]

    # -- files

    def _write_keys(self) -> None:
        if not (self.run_dir / "apiserver.crt").exists():
            addresses = [self.site.api_server, str(self.site.services[1])]
            write_serving_certificate(self.run_dir / "apiserver.crt", self.run_dir / "apiserver.key", addresses)
            write_private_key(self.run_dir / "service-accounts.key")

    def _write_tokens(self, groups: Mapping[str, Sequence[str]]) -> None:
        lines = [f'{self._tokens[user]},{user},{user},"{",".join(names)}"' for user, names in groups.items()]
        _write_private(self.run_dir / "tokens.csv", "\n".join(lines) + "\n")

    def _write_kubeconfig(self, user: str) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": self.name, "cluster": {"server": self.endpoint, "certificate-authority-data": self.ca_data}}
            ],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": user}}],
            "current-context": self.name,
        }
        _write_private(self.kubeconfig(user), yaml.safe_dump(config))


def start_cluster(
    supervisor: Supervisor,
    name: str,
    site: SiteAddresses,
    run_dir: Path,
    extra_tokens: Mapping[str, Sequence[str]] | None = None,
) -> Cluster:
    """Start one control plane and wait until it serves; `extra_tokens` gives more users their groups."""
    cluster = Cluster(supervisor, name, site, run_dir, extra_tokens)
    start_clusters([cluster])
    return cluster


def start_clusters(clusters: Iterable[Cluster]) -> None:
    """Start several at once."""
    found = list(clusters)
    for cluster in found:
        cluster.launch()
    for cluster in found:
        cluster.wait_ready()


def _answers(api: Api) -> bool:
    """Serving, with the built-in namespaces there. Built-in roles may follow: our users do not need them."""
    try:
        for namespace in ("kube-system", "default"):
            api.get(f"/api/v1/namespaces/{namespace}")
    except ApiError:
        return False
    return True


def _node_ready(api: Api, path: str) -> bool:
    try:
        return bool(api.get(path).get("status", {}).get("conditions"))
    except ApiError:
        return False


def _environment() -> dict[str, str]:
    # Less garbage collection: starting up is what these processes mostly do here.
    return {"PATH": "/usr/bin:/bin", "GOGC": "400"}


def _agent_environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
