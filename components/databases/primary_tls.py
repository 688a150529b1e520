"""How a client of production's primary asks for TLS: libpq's own variables, and the file of the CA it believes.

libpq takes no notice of them on a Unix socket: https://www.postgresql.org/docs/18/libpq-connect.html (`sslmode`).
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

CA_FILE_NAME = "primary-ca.pem"
_VOLUME, _FOLDER = "primary-ca", "/etc/primary-ca"


@dataclass(frozen=True, kw_only=True)
class PrimaryTls:
    """`mode` is libpq's sslmode; `ca_map` the ConfigMap with the CA's certificate, None where nothing verifies it."""

    mode: str
    ca_map: pulumi.Input[str] | None = None

    @property
    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Variables of the container that connects."""
        if self.ca_map is None:
            return tls_environment(self.mode, "")
        return tls_environment(self.mode, f"{_FOLDER}/{CA_FILE_NAME}")

    @property
    def volumes(self) -> "list[core.VolumeArgsDict]":
        """Of its Pod."""
        return [] if self.ca_map is None else [{"name": _VOLUME, "config_map": {"name": self.ca_map}}]

    @property
    def mounts(self) -> "list[core.VolumeMountArgsDict]":
        """Where they appear."""
        return [] if self.ca_map is None else [{"name": _VOLUME, "mount_path": _FOLDER, "read_only": True}]


def tls_environment(mode: pulumi.Input[str], ca_file: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """An empty `ca_file` is none."""
    return {"PGSSLMODE": mode, "PGSSLROOTCERT": ca_file}


def ca_config_map(ca: str, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> k8s.core.v1.ConfigMap:
    """The CA's certificate, in a map named by it: another CA is another map, and whoever mounts it is rolled over."""
    digest = hashlib.sha256(ca.encode()).hexdigest()[:10]
    return k8s.core.v1.ConfigMap(
        _VOLUME,
        metadata=workload.metadata(f"dr-primary-ca-{digest}", namespace),
        data={CA_FILE_NAME: ca},
        immutable=True,
        opts=opts,
    )
