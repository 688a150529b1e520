"""The server of a Pod that follows production's primary: container, files and disk, the same wherever it stands.

What it does when it starts is `recovery.site.postgres_standby`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.primary_tls import CA_FILE_NAME, tls_environment
from recovery.names import POSTGRES_PORT, ROLE_REPLICATION
from recovery.site.capacity import Size
from recovery.site.inherited_settings import shared_buffers
from recovery.site.postgres_standby import START_SCRIPT, settings_arguments

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

UID = 999  # `postgres` in the official image
SERVER = "postgres"
"""The container's name."""
CONFIG, _DATA, RUN = "/etc/postgres-standby", "/var/lib/postgresql", "/run/postgres-standby"
# Time to write everything out on a clean stop; PostgreSQL recovers from a kill as well.
GRACE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class FollowsArgs:
    """`primary_host` and port as reached from here; `ssl_mode` is libpq's for that way, and `primary_ca` the CA of the
    primary's certificate as PEM, empty where that is not verified. `password` is the role dr_replication's. `settings`
    win over the primary's own and over those that are always overridden (`recovery.site.inherited_settings`)."""

    image: str
    primary_host: pulumi.Input[str]
    primary_port: pulumi.Input[str]
    ssl_mode: pulumi.Input[str]
    primary_ca: pulumi.Input[str]
    password: pulumi.Input[str]
    storage_class: str
    storage_size: str
    settings: dict[str, str]
    size: Size


def declare_files(
    name: str,
    called: str,
    args: FollowsArgs,
    more: dict[str, pulumi.Input[str]],
    namespace: pulumi.Input[str],
    parent: pulumi.Resource,
) -> k8s.core.v1.ConfigMap:
    """Start script, CA and `more` in a map named by content: a change makes a new one and rolls the Pod, which reads
    these files only when it starts."""
    files: dict[str, pulumi.Input[str]] = {"start.sh": START_SCRIPT, **more, CA_FILE_NAME: args.primary_ca}
    digest = pulumi.Output.all(*files.values()).apply(_digest)
    return k8s.core.v1.ConfigMap(
        f"{name}-config",
        metadata=workload.metadata(pulumi.Output.format("{0}-{1}", called, digest), namespace),
        data=files,
        immutable=True,
        opts=as_child(parent),
    )


def server(
    args: FollowsArgs,
    *,
    login: str,
    slot: str,
    socket: str,
    environment: dict[str, pulumi.Input[str]],
    mounts: "Sequence[core.VolumeMountArgsDict]" = (),
) -> "core.ContainerArgsDict":
    """Follows over `slot`, its Unix socket in the folder `socket`. The script finds everything in its environment, the
    password, in the Secret `login`, too; only settings are arguments."""
    variables: dict[str, pulumi.Input[str]] = {
        **way_to_primary(args, slot),
        "STANDBY_CONFIG": CONFIG,
        "STANDBY_RUN": RUN,
        "STANDBY_SOCKET": socket,
        "STANDBY_PORT": str(POSTGRES_PORT),
        **environment,
        "STANDBY_SHARED_BUFFERS": shared_buffers(args.size),
    }
    return {
        "name": SERVER,
        "image": args.image,
        "command": ["bash", f"{CONFIG}/start.sh"],
        "args": settings_arguments(args.settings),
        "env": [
            workload.pod_ip(),
            *workload.variables(variables),
            workload.secret_variable("PGPASSWORD", login),
        ],
        "ports": [{"name": "postgres", "container_port": POSTGRES_PORT}],
        "readiness_probe": {"tcp_socket": {"port": POSTGRES_PORT}, "period_seconds": 2},
        "resources": workload.limits(args.size),
        "security_context": workload.container_security(),
        "volume_mounts": [
            *data_mounts(),
            {"name": "run", "mount_path": RUN},
            *mounts,
            {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108  an emptyDir of this Pod alone
        ],
    }


def way_to_primary(args: FollowsArgs, slot: str) -> dict[str, pulumi.Input[str]]:
    """Where the data are, and the way to what they are a copy of."""
    return {
        "PGDATA": f"{_DATA}/data",
        "PGUSER": ROLE_REPLICATION,
        "PRIMARY_HOST": args.primary_host,
        "PRIMARY_PORT": args.primary_port,
        "STANDBY_SLOT": slot,
        # For the first copy, the slot and the WAL receiver: all of them are libpq's.
        **tls_environment(args.ssl_mode, pulumi.Output.from_input(args.primary_ca).apply(_ca_file)),
    }


def data_mounts() -> "list[core.VolumeMountArgsDict]":
    """The disk, and the files."""
    return [
        {"name": "data", "mount_path": _DATA},
        {"name": "config", "mount_path": CONFIG, "read_only": True},
    ]


def server_volumes(
    config: k8s.core.v1.ConfigMap, more: "Sequence[core.VolumeArgsDict]" = ()
) -> "list[core.VolumeArgsDict]":
    """What `server` mounts besides its disk, and `more`."""
    return [
        {"name": "config", "config_map": {"name": config.metadata.apply(lambda meta: meta.name)}},
        {"name": "run", "empty_dir": {}},
        *more,
        # A container's own /dev/shm is 64 MiB, too little for parallel queries.
        {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": "1Gi"}},
    ]


def data_claim(args: FollowsArgs) -> "core.PersistentVolumeClaimArgsDict":
    """The disk, as a StatefulSet's template."""
    return {
        "metadata": {"name": "data"},
        "spec": {
            "access_modes": ["ReadWriteOnce"],
            "storage_class_name": args.storage_class,
            "resources": {"requests": {"storage": args.storage_size}},
        },
    }


def _ca_file(ca: str) -> str:
    return f"{CONFIG}/{CA_FILE_NAME}" if ca else ""


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]
