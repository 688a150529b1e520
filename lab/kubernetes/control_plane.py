"""One site's Kubernetes control plane: etcd, API server and controller manager on the site's own loopback addresses.

cluster = Cluster(supervisor, "prod", block.prod, run_dir, extra_tokens={"operator": ("promoters",)})
start_clusters([cluster])
cluster.start_node_agent(images_file)
...
cluster.kill()      # the region is gone
cluster.restart()   # it comes back, with the data that etcd had
"""

import base64
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from lab.kubernetes import commands
from lab.kubernetes.api import Api, ApiError
from lab.kubernetes.certificates import write_private_key, write_serving_certificate
from lab.kubernetes.pod_identity import EksAuth
from lab.kubernetes.process import collect, descendants, kill_all
from lab.machine.addresses import SiteAddresses
from lab.machine.processes import Child, Supervisor, wait_until

READY_SECONDS, STOP_SECONDS = 120.0, 3.0
ADMIN, NODE_AGENT = "admin", "node-agent"
MASTERS = ("system:masters",)


class Cluster:
    """A site's cluster. Brought up by `start_clusters`."""

    def __init__(
        self,
        supervisor: Supervisor,
        name: str,
        site: SiteAddresses,
        run_dir: Path,
        extra_tokens: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.name, self.site, self.run_dir = name, site, run_dir.absolute()
        self.endpoint = f"https://{site.api_server}:{commands.API_PORT}"
        self._supervisor, self._images, self._eks_auth, self._ingress = supervisor, None, None, True
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
    _eks_auth: EksAuth | None

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
        self._supervisor.start(self._etcd, commands.etcd(self.name, self.site, self.run_dir), env=commands.ENVIRONMENT)
        api_server = commands.api_server(self.site, self.run_dir)
        self._supervisor.start(self._api_server, api_server, env=commands.ENVIRONMENT)

    def wait_ready(self) -> None:
        """Wait until the API serves, then start the controllers. Raises TimeoutError, RuntimeError with a log."""
        api = self.api()
        children = [self._supervisor.children[name] for name in (self._etcd, self._api_server)]
        wait_until(lambda: _answers(api), timeout=READY_SECONDS, what=f"the API server of {self.name}", alive=children)
        # The controllers wait ten seconds for this and then end, which a busy machine outlasts.
        wait_until(lambda: _healthy(api), timeout=READY_SECONDS, what=f"{self.name} to be healthy", alive=children)
        controllers = commands.controllers(self.kubeconfig(ADMIN), self.run_dir)
        self._supervisor.start(self._controllers, controllers, env=commands.ENVIRONMENT)

    def start_node_agent(
        self, images: Path, *, ingress: bool = True, eks_auth: EksAuth | None = None, wait: bool = True
    ) -> Child:
        """Start the site's node; `images` is the file of `lab.kubernetes.images.write_images`, `ingress` says whether
        the site has an ingress controller. Without `eks_auth` its Pods get no AWS credentials."""
        self._images, self._eks_auth, self._ingress = images, eks_auth, ingress
        command = commands.node_agent(
            self.name,
            self.site,
            self.kubeconfig(NODE_AGENT),
            images,
            volumes=self.volumes,
            logs=self.pod_logs,
            ingress=ingress,
            eks_auth=eks_auth,
        )
        agent = self._supervisor.start(self._agent, command, env=commands.AGENT_ENVIRONMENT)
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

    def restart_node(self) -> None:
        """A new node agent in the place of the lost one, started as that was; none where there was none."""
        if self._images:
            self.start_node_agent(self._images, ingress=self._ingress, eks_auth=self._eks_auth)

    def _kill(self, *names: str) -> None:
        agent = self._supervisor.children.get(self._agent)
        family = descendants(agent.process.pid) if agent else {}
        self._supervisor.kill(*names)
        kill_all(family)
        collect(family)

    def stop(self) -> None:
        """End it in order: an API server without its etcd would not listen to SIGTERM."""
        for name in self.children:
            self._supervisor.stop(name, STOP_SECONDS)

    def restart(self) -> None:
        """Start again after `kill` or `stop`: same addresses, same data, and the node if there was one."""
        self.launch()
        self.wait_ready()
        self.restart_node()

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


def start_clusters(clusters: Iterable[Cluster]) -> None:
    """Start them at once and wait until they serve."""
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


def _healthy(api: Api) -> bool:
    try:
        api.get("/healthz")
    except ApiError:
        return False
    except ValueError:
        return True  # it says `ok`, which is no JSON
    return False


def _node_ready(api: Api, path: str) -> bool:
    try:
        return bool(api.get(path).get("status", {}).get("conditions"))
    except ApiError:
        return False


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
