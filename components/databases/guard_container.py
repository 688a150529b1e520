"""The container in which `dr guard` runs and, as its child, the HAProxy that is the gate: alone in a Pod of its own, or
beside its database. And the Service in front of either."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.identity import declare_identity
from components.runners import Runners
from recovery.names import (
    GATE_FOLDER,
    GATE_PORT,
    GATE_SERVICE,
    GUARD_CONTAINER,
    POSTGRES_PORT,
    REDIS_GATE_PORT,
    REDIS_GATE_SERVICE,
    REDIS_PORT,
    ROLE_GUARD,
    SOCKET_VOLUME,
)
from recovery.site.capacity import GUARD

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

LOGIN = "dr-guard-login"
_READ = ("database", "application_role")  # of the database in the plan, when a guard starts


@dataclass(frozen=True, kw_only=True)
class GuardArgs:
    """One site's guard. `password` is the database role dr_guard's; `redis` the site's Redis as host:port, to which the
    gate lets applications as well."""

    at: Runners
    mode: str
    password: pulumi.Input[str]
    redis: str


def declare_guard_identity(name: str, args: GuardArgs, parent: pulumi.Resource) -> list[pulumi.Resource]:
    """Who the guard's Pod is."""
    return declare_identity(name, args.at, "guard", parent, login=LOGIN, password=args.password)


def declare_gate(
    name: str, pods: dict[str, str], port: int, namespace: pulumi.Input[str], parent: pulumi.Resource
) -> k8s.core.v1.Service:
    """The Service by which applications reach the gate in `pods`: at one port, whatever the gate's own `port` is."""
    return k8s.core.v1.Service(
        f"{name}-gate",
        metadata=workload.metadata(GATE_SERVICE, namespace, annotations=workload.SKIP_AWAIT),
        spec={"selector": pods, "ports": [{"name": "postgres", "port": POSTGRES_PORT, "target_port": port}]},
        opts=as_child(parent),
    )


def declare_redis_gate(
    name: str, pods: dict[str, str], namespace: pulumi.Input[str], parent: pulumi.Resource
) -> k8s.core.v1.Service:
    """The same for Redis."""
    return k8s.core.v1.Service(
        f"{name}-redis-gate",
        metadata=workload.metadata(REDIS_GATE_SERVICE, namespace, annotations=workload.SKIP_AWAIT),
        spec={
            "selector": pods,
            "ports": [{"name": "redis", "port": REDIS_PORT, "target_port": REDIS_GATE_PORT}],
        },
        opts=as_child(parent),
    )


def guard_container(
    args: GuardArgs, *, upstream: str, port: int, tls: dict[str, pulumi.Input[str]] | None = None
) -> "core.ContainerArgsDict":
    """`dr guard` and nothing else, listening on `port`; `tls` are libpq's variables for its own connections. Readiness
    is the gate's port: ready is open."""
    plan = args.at.names.plan
    environment = args.at.environment | {
        workload.READ_AT_START: plan.digest_of("lease", "sites", *(f"datasets.postgres.{key}" for key in _READ)),
        "PGDATABASE": plan.datasets.postgres.database,
        "PGUSER": ROLE_GUARD,
        **(tls or {}),
    }
    listen, also = f"$(POD_IP):{port}", f"$(POD_IP):{REDIS_GATE_PORT}={args.redis}"
    return {
        "name": GUARD_CONTAINER,
        "image": args.at.image,
        "command": ["dr", "guard", "--listen", listen, "--upstream", upstream, "--also", also, "--mode", args.mode],
        "env": [
            workload.pod_ip(),
            *workload.variables(environment),
            workload.secret_variable("PGPASSWORD", LOGIN),
        ],
        "ports": [{"name": "gate", "container_port": port}, {"name": "redis-gate", "container_port": REDIS_GATE_PORT}],
        "readiness_probe": {"tcp_socket": {"port": port}, "period_seconds": 1, "failure_threshold": 1},
        "resources": workload.limits(GUARD),
        "security_context": workload.container_security(),
        "volume_mounts": workload.runner_mounts(),
    }


def guard_beside(args: GuardArgs) -> "core.ContainerArgsDict":
    """The guard in its database's Pod, reaching it through the Unix socket in `SOCKET_VOLUME`. It runs as its image's
    user; the socket is its Pod's fsGroup's, to which it belongs. Mounted for reading, a socket can be connected to and
    not be put in another's place."""
    container = guard_container(args, upstream=f"{GATE_FOLDER}:{POSTGRES_PORT}", port=GATE_PORT)
    uid = workload.runner_uid()
    return {
        **container,
        "security_context": {**workload.container_security(), "run_as_user": uid, "run_as_group": uid},
        "volume_mounts": [*workload.runner_mounts(), socket_mount(read_only=True)],
    }


def socket_volume() -> "core.VolumeArgsDict":
    """The folder of the database's Unix socket: whoever mounts it is past the gate."""
    return {"name": SOCKET_VOLUME, "empty_dir": {}}


def socket_mount(*, read_only: bool = False) -> "core.VolumeMountArgsDict":
    """Where it appears."""
    mount: core.VolumeMountArgsDict = {"name": SOCKET_VOLUME, "mount_path": GATE_FOLDER}
    return {**mount, "read_only": True} if read_only else mount
