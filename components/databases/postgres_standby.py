"""The DR site's PostgreSQL: a streaming standby that a promotion turns into the primary."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.guard_container import (
    GuardArgs,
    declare_gate,
    declare_guard_identity,
    guard_beside,
    socket_mount,
    socket_volume,
)
from components.databases.log_container import log_container
from components.databases.primary_tls import CA_FILE_NAME, tls_environment
from components.identity import declare_login
from recovery.names import (
    GATE_FOLDER,
    GATE_PORT,
    GUARD_ACCOUNT,
    LOG_PORT,
    OWN_LOOPBACK,
    POSTGRES_PORT,
    ROLE_REPLICATION,
    SKIP_CREDENTIALS,
    STANDBY,
    STANDBY_LABEL,
    STANDBY_ORDER,
)
from recovery.site.capacity import Size
from recovery.site.fetch_log import FETCH_FILE_NAME, FETCH_SCRIPT
from recovery.site.inherited_settings import shared_buffers
from recovery.site.postgres_standby import SLOT, START_SCRIPT, pg_hba, settings_arguments

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

STANDBY_HOST = "$(POSTGRES_STANDBY_SERVICE_HOST)"
_CONFIG, _DATA, _RUN = "/etc/postgres-standby", "/var/lib/postgresql", "/run/postgres-standby"
_CONTAINER = "postgres"
_LOGIN = "dr-replication-login"
_UID = 999  # `postgres` in the official image
# Time to write everything out on a clean stop; PostgreSQL recovers from a kill as well.
_GRACE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class PostgresStandbyArgs:
    """`primary_host` and port as reached from the DR site; `ssl_mode` is libpq's for that way, and `primary_ca` the CA
    of the primary's certificate as PEM, empty where that is not verified. `settings` win over the primary's own and
    over those that are always overridden (`recovery.site.inherited_settings`)."""

    image: str
    primary_host: pulumi.Input[str]
    primary_port: pulumi.Input[str]
    ssl_mode: pulumi.Input[str]
    primary_ca: pulumi.Input[str]
    password: pulumi.Input[str]
    database: str
    application_role: str
    pod_cidrs: list[str]
    storage_class: str
    storage_size: str
    settings: dict[str, str]
    priority: pulumi.Input[str]
    size: Size
    guard: GuardArgs


class PostgresStandby(pulumi.ComponentResource):
    """One Pod on one volume, copied from production when the volume is empty, streaming over the slot `dr_standby`.
    Beside the server runs the site's guard with the gate, the only way in for the application: through a Unix socket
    that no other container mounts. Closed unless the site holds the lease; killed, it closes, and the server goes on.
    A third container gives the server its log out of the DR bucket while the stream is dead.

    The slot keeps WAL on the primary while the standby is away; how much is capped there (max_slot_wal_keep_size).
    The volume outlives the StatefulSet. Nothing waits for readiness: the first copy takes as long as it takes.
    """

    def __init__(self, name: str, args: PostgresStandbyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:PostgresStandby", name, None, opts)
        child, namespace = as_child(self), args.guard.at.namespace
        files: dict[str, pulumi.Input[str]] = {
            "start.sh": START_SCRIPT,
            FETCH_FILE_NAME: FETCH_SCRIPT,
            "pg_hba.conf": pg_hba(database=args.database, application=args.application_role, pods=args.pod_cidrs),
            CA_FILE_NAME: args.primary_ca,
        }
        # Named by content: a change makes a new map and rolls the Pod, which reads these files only when it starts.
        digest = pulumi.Output.all(*files.values()).apply(_digest)
        config = k8s.core.v1.ConfigMap(
            f"{name}-config",
            metadata=workload.metadata(pulumi.Output.format("{0}-{1}", STANDBY, digest), namespace),
            data=files,
            immutable=True,
            opts=child,
        )
        # Without data of ours: what a promotion says in it is nothing that an update takes away.
        order = k8s.core.v1.ConfigMap(f"{name}-order", metadata=workload.metadata(STANDBY_ORDER, namespace), opts=child)
        login = declare_login(name, _LOGIN, namespace, args.password, self)
        self.service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=workload.metadata(STANDBY, namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "selector": STANDBY_LABEL,
                "ports": [{"name": "postgres", "port": POSTGRES_PORT}],
                # The Pod is ready while its gate is open; a promotion has to reach the database before that.
                "publish_not_ready_addresses": True,
            },
            opts=child,
        )
        self.gate = declare_gate(name, STANDBY_LABEL, GATE_PORT, namespace, self)
        guard = declare_guard_identity(f"{name}-guard", args.guard, self)
        k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(STANDBY, namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "service_name": STANDBY,
                "replicas": 1,
                # With the usual OrderedReady a Pod that is not ready is never replaced, so that no change would reach
                # a standby whose gate is closed: https://github.com/kubernetes/kubernetes/issues/67250
                "pod_management_policy": "Parallel",
                "selector": {"match_labels": STANDBY_LABEL},
                "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
                "template": {
                    "metadata": {
                        "labels": {**workload.MANAGED_BY, **STANDBY_LABEL},
                        "annotations": {SKIP_CREDENTIALS: _CONTAINER},  # AWS is the guard's business
                    },
                    "spec": {
                        **workload.urgent(args.priority),
                        "service_account_name": GUARD_ACCOUNT,
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": _GRACE_SECONDS,
                        "security_context": workload.pod_security(_UID),
                        "containers": [_container(args), guard_beside(args.guard), log_container(args.guard.at)],
                        "volumes": [
                            {"name": "config", "config_map": {"name": config.metadata.apply(lambda meta: meta.name)}},
                            {"name": "run", "empty_dir": {}},
                            socket_volume(),
                            *workload.runner_volumes(args.guard.at.plan_map),
                            # A container's own /dev/shm is 64 MiB, too little for parallel queries.
                            {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": "1Gi"}},
                        ],
                    },
                },
                "volume_claim_templates": [
                    {
                        "metadata": {"name": "data"},
                        "spec": {
                            "access_modes": ["ReadWriteOnce"],
                            "storage_class_name": args.storage_class,
                            "resources": {"requests": {"storage": args.storage_size}},
                        },
                    }
                ],
            },
            # A promotion ends the Pod whose data are damaged, and no update brings it back meanwhile.
            opts=as_child(self, depends_on=[login, order, *guard], protect=True, ignore_changes=["spec.replicas"]),
        )
        self.host = self.service.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.gate_host = self.gate.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.register_outputs({"host": self.host, "gate_host": self.gate_host})


def _ca_file(ca: str) -> str:
    return f"{_CONFIG}/{CA_FILE_NAME}" if ca else ""


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


def _container(args: PostgresStandbyArgs) -> "core.ContainerArgsDict":
    """The script finds everything in its environment, the password too; only settings are arguments."""
    environment: dict[str, pulumi.Input[str]] = {
        "PGDATA": f"{_DATA}/data",
        "PGUSER": ROLE_REPLICATION,
        "PRIMARY_HOST": args.primary_host,
        "PRIMARY_PORT": args.primary_port,
        "STANDBY_CONFIG": _CONFIG,
        "STANDBY_RUN": _RUN,
        "STANDBY_SOCKET": GATE_FOLDER,
        "STANDBY_SLOT": SLOT,
        "STANDBY_PORT": str(POSTGRES_PORT),
        "STANDBY_LOG_HOST": OWN_LOOPBACK,
        "STANDBY_LOG_PORT": str(LOG_PORT),
        "STANDBY_SHARED_BUFFERS": shared_buffers(args.size),
        # For the first copy, the slot and the WAL receiver: all of them are libpq's.
        **tls_environment(args.ssl_mode, pulumi.Output.from_input(args.primary_ca).apply(_ca_file)),
    }
    return {
        "name": _CONTAINER,
        "image": args.image,
        "command": ["bash", f"{_CONFIG}/start.sh"],
        "args": settings_arguments(args.settings),
        "env": [
            workload.pod_ip(),
            *workload.variables(environment),
            workload.secret_variable("PGPASSWORD", _LOGIN),
        ],
        "ports": [{"name": "postgres", "container_port": POSTGRES_PORT}],
        "readiness_probe": {"tcp_socket": {"port": POSTGRES_PORT}, "period_seconds": 2},
        "resources": workload.limits(args.size),
        "security_context": workload.container_security(),
        "volume_mounts": [
            {"name": "data", "mount_path": _DATA},
            {"name": "config", "mount_path": _CONFIG, "read_only": True},
            {"name": "run", "mount_path": _RUN},
            socket_mount(),
            {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108  an emptyDir of this Pod alone
        ],
    }
