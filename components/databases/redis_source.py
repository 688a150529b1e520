"""How Redis's backups reach the server that they are made of."""

import hashlib
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.cluster.backup_source import BackupSource, Login
from recovery.names import REDIS_BACKUP_LABEL, ROLE_BACKUP
from recovery.site.capacity import KEYS_RUNNER

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

_LOGIN = "dr-backup-redis-login"
_VOLUME, _FOLDER, CA_FILE_NAME = "redis-ca", "/etc/redis-ca", "redis-ca.pem"


def redis_source(
    *,
    host: str,
    port: int,
    password: pulumi.Input[str],
    tls: bool = False,
    ca_map: pulumi.Input[str] | None = None,
) -> BackupSource:
    """`host` is the server that is read, as a rule a replica; `tls`: it speaks that, believed by the CA in the
    ConfigMap `ca_map`, or by the image's own authorities."""
    environment: dict[str, pulumi.Input[str]] = {
        "REDIS_HOST": host,
        "REDIS_PORT": str(port),
        "REDIS_USER": ROLE_BACKUP,
        "REDIS_TLS": "yes" if tls else "no",
        **({"REDIS_CA": f"{_FOLDER}/{CA_FILE_NAME}"} if ca_map is not None else {}),
    }
    mounts: list[core.VolumeMountArgsDict] = []
    volumes: list[core.VolumeArgsDict] = []
    if ca_map is not None:
        mounts = [{"name": _VOLUME, "mount_path": _FOLDER, "read_only": True}]
        volumes = [{"name": _VOLUME, "config_map": {"name": ca_map}}]
    return BackupSource(
        dataset="redis",
        environment=environment,
        login=Login(name=_LOGIN, variable="REDIS_PASSWORD", password=password),
        mounts=mounts,
        volumes=volumes,
        size=KEYS_RUNNER,
        labels=REDIS_BACKUP_LABEL,
    )


def redis_ca_map(ca: str, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> k8s.core.v1.ConfigMap:
    """The CA's certificate, in a map named by it: another CA is another map."""
    digest = hashlib.sha256(ca.encode()).hexdigest()[:10]
    return k8s.core.v1.ConfigMap(
        _VOLUME,
        metadata=workload.metadata(f"dr-redis-ca-{digest}", namespace),
        data={CA_FILE_NAME: ca},
        immutable=True,
        opts=opts,
    )
