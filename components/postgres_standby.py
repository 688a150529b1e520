"""The DR site's PostgreSQL: a streaming standby that a promotion turns into the primary."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.capacity import POSTGRES
from recovery.names import POSTGRES_PORT, ROLE_REPLICATION
from recovery.standby import SLOT, START_SCRIPT, pg_hba, settings_arguments

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

STANDBY_SERVICE = "postgres-standby"
STANDBY_LABEL = {"app.kubernetes.io/component": "postgres"}
STANDBY_HOST = "$(POSTGRES_STANDBY_SERVICE_HOST)"
_CONFIG, _DATA, _RUN = "/etc/postgres-standby", "/var/lib/postgresql", "/run/postgres-standby"
_UID = 999  # `postgres` in the official image
# Time to write everything out on a clean stop; PostgreSQL recovers from a kill as well.
_GRACE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class PostgresStandbyArgs:
    """`primary_host` and port as reached from the DR site. `settings` are for a primary whose own postgresql.conf is
    not in its data directory: those that a standby must have at least as large, such as max_connections."""

    namespace: pulumi.Input[str]
    image: str
    primary_host: pulumi.Input[str]
    primary_port: pulumi.Input[str]
    password: pulumi.Input[str]
    database: str
    application_role: str
    gate_cidr: str
    pod_cidrs: list[str]
    storage_class: str
    storage_size: str
    settings: dict[str, str]


class PostgresStandby(pulumi.ComponentResource):
    """One Pod on one volume, copied from production when the volume is empty, streaming over the slot `dr_standby`.

    The slot keeps WAL on the primary while the standby is away; how much is capped there (max_slot_wal_keep_size).
    The volume outlives the StatefulSet. Nothing waits for readiness: the first copy takes as long as it takes.
    """

    def __init__(self, name: str, args: PostgresStandbyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:PostgresStandby", name, None, opts)
        child = as_child(self)
        files = {
            "start.sh": START_SCRIPT,
            "pg_hba.conf": pg_hba(
                database=args.database, application=args.application_role, gate=args.gate_cidr, pods=args.pod_cidrs
            ),
        }
        # Named by content: a change makes a new map and rolls the Pod, which reads these files only when it starts.
        digest = hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:10]
        config = k8s.core.v1.ConfigMap(
            f"{name}-config",
            metadata=workload.metadata(f"{STANDBY_SERVICE}-{digest}", args.namespace),
            data=files,
            immutable=True,
            opts=child,
        )
        login = k8s.core.v1.Secret(
            f"{name}-login",
            metadata=workload.metadata("dr-replication-login", args.namespace),
            string_data={"password": args.password},
            opts=child,
        )
        self.service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=workload.metadata(STANDBY_SERVICE, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={"selector": STANDBY_LABEL, "ports": [{"name": "postgres", "port": POSTGRES_PORT}]},
            opts=child,
        )
        self.stateful_set = k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(STANDBY_SERVICE, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "service_name": STANDBY_SERVICE,
                "replicas": 1,
                "selector": {"match_labels": STANDBY_LABEL},
                "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **STANDBY_LABEL}},
                    "spec": {
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": _GRACE_SECONDS,
                        "security_context": workload.pod_security(_UID),
                        "containers": [_container(args)],
                        "volumes": [
                            {"name": "config", "config_map": {"name": config.metadata.apply(lambda meta: meta.name)}},
                            {"name": "run", "empty_dir": {}},
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
            opts=as_child(self, depends_on=[login]),
        )
        self.host = self.service.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.register_outputs({"host": self.host})


def _container(args: PostgresStandbyArgs) -> "core.ContainerArgsDict":
    """The script finds everything in its environment, the password too; only settings are arguments."""
    environment: dict[str, pulumi.Input[str]] = {
        "PGDATA": f"{_DATA}/data",
        "PGUSER": ROLE_REPLICATION,
        "PRIMARY_HOST": args.primary_host,
        "PRIMARY_PORT": args.primary_port,
        "STANDBY_CONFIG": _CONFIG,
        "STANDBY_RUN": _RUN,
        "STANDBY_SLOT": SLOT,
        "STANDBY_PORT": str(POSTGRES_PORT),
    }
    return {
        "name": "postgres",
        "image": args.image,
        "command": ["bash", f"{_CONFIG}/start.sh"],
        "args": settings_arguments(args.settings),
        "env": [
            workload.pod_ip(),
            *workload.variables(environment),
            workload.secret_variable("PGPASSWORD", "dr-replication-login"),
        ],
        "ports": [{"name": "postgres", "container_port": POSTGRES_PORT}],
        "readiness_probe": {"tcp_socket": {"port": POSTGRES_PORT}, "period_seconds": 2},
        "resources": workload.limits(POSTGRES),
        "security_context": workload.container_security(),
        "volume_mounts": [
            {"name": "data", "mount_path": _DATA},
            {"name": "config", "mount_path": _CONFIG, "read_only": True},
            {"name": "run", "mount_path": _RUN},
            {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108  an emptyDir of this Pod alone
        ],
    }
