"""Command lines of a site's Kubernetes processes, as pure functions."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from lab.kubernetes.pod_identity import EksAuth
from lab.machine import binaries, byte_code
from lab.machine.addresses import EDGE_PORT, SiteAddresses

API_PORT, ETCD_PORT, ETCD_PEER_PORT = 6443, 2379, 2380
# Less garbage collection: starting up is what these processes mostly do here.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "GOGC": "400"}
AGENT_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "PYTHONUNBUFFERED": "1",
    **byte_code.environment(),
}
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


def etcd(name: str, site: SiteAddresses, run_dir: Path) -> list[str]:
    """The site's store. Without fsync: it is there for hours, and a kill of the process loses nothing."""
    url, peer = f"http://{site.etcd}:{ETCD_PORT}", f"http://{site.etcd}:{ETCD_PEER_PORT}"
    return [
        str(binaries.find()["etcd"]),
        "--unsafe-no-fsync",
        f"--name={name}",
        f"--data-dir={run_dir / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={name}={peer}",
        "--log-level=warn",
    ]


def api_server(site: SiteAddresses, run_dir: Path) -> list[str]:
    """The API server; certificate, keys and tokens are files of `run_dir`."""
    key = run_dir / "service-accounts.key"
    return [
        str(binaries.find()["kube-apiserver"]),
        f"--etcd-servers=http://{site.etcd}:{ETCD_PORT}",
        f"--secure-port={API_PORT}",
        f"--bind-address={site.api_server}",
        f"--advertise-address={site.api_server}",
        f"--tls-cert-file={run_dir / 'apiserver.crt'}",
        f"--tls-private-key-file={run_dir / 'apiserver.key'}",
        f"--cert-dir={run_dir / 'certs'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--service-cluster-ip-range={site.services}",
        f"--token-auth-file={run_dir / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--disable-admission-plugins={ADMISSION_OFF}",
        "--endpoint-reconciler-type=none",
        "--enable-priority-and-fairness=false",
        "--profiling=false",
    ]


def controllers(kubeconfig: Path, run_dir: Path) -> list[str]:
    """The controller manager."""
    return [
        str(binaries.find()["kube-controller-manager"]),
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        f"--controllers={CONTROLLERS}",
        "--secure-port=0",
        f"--root-ca-file={run_dir / 'apiserver.crt'}",
        "--profiling=false",
    ]


def node_agent(
    name: str,
    site: SiteAddresses,
    kubeconfig: Path,
    images: Path,
    *,
    volumes: Path,
    logs: Path,
    ingress: bool,
    eks_auth: EksAuth | None,
) -> list[str]:
    """The site's node (see agent.py); `ingress`: with an ingress controller on the site's edge."""
    edge = [f"--edge={site.edge}:{EDGE_PORT}"] if ingress else []
    return [
        sys.executable,
        "-m",
        "lab.kubernetes.agent",
        f"--kubeconfig={kubeconfig}",
        f"--site={name}",
        f"--pod-cidr={site.pods}",
        f"--volumes={volumes}",
        f"--images={images.absolute()}",
        *edge,
        f"--node-address={site.node}",
        f"--logs={logs}",
        *([f"--eks-auth={json.dumps(asdict(eks_auth))}"] if eks_auth else []),
    ]
