"""How a Pod of the DR cluster reaches its API server: the kubeconfig, and the token that it names."""

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.site.kubeconfig import token_kubeconfig

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

ACCESS_FOLDER = "/etc/dr-access"
# Kubelet renews it long before; a copy that leaves the Pod is soon worth nothing.
_TOKEN_SECONDS = 3600


def declare_access(
    name: str,
    config_map: str,
    namespace: pulumi.Input[str],
    cluster: tuple[pulumi.Input[str], pulumi.Input[str], pulumi.Input[str]],
    parent: pulumi.Resource,
) -> k8s.core.v1.ConfigMap:
    """The ConfigMap `config_map` with the kubeconfig; `cluster` is name, endpoint and CA."""
    text = pulumi.Output.all(*cluster).apply(
        lambda found: token_kubeconfig(
            name=found[0],
            endpoint=found[1],
            ca_data=found[2],
            token_file="token",  # noqa: S106  a path, which clients take from the kubeconfig's own folder
        )
    )
    return k8s.core.v1.ConfigMap(
        f"{name}-access",
        metadata=workload.metadata(config_map, namespace),
        data={"kubeconfig": text},
        opts=as_child(parent),
    )


def access_volume(config_map: str) -> "core.VolumeArgsDict":
    """Both files, for `ACCESS_FOLDER`; the token is that of the Pod's service account."""
    token: core.VolumeProjectionArgsDict = {
        "service_account_token": {"path": "token", "expiration_seconds": _TOKEN_SECONDS}
    }
    return {"name": "access", "projected": {"sources": [{"config_map": {"name": config_map}}, token]}}


def access_mount() -> "core.VolumeMountArgsDict":
    """Where `access_volume` appears."""
    return {"name": "access", "mount_path": ACCESS_FOLDER, "read_only": True}
