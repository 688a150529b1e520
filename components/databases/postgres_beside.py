"""A second PostgreSQL at the DR site that `dr restore --beside` starts and ends: the database of some moment, to look
into and to pick from. Declared, and not running."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.identity import declare_identity
from components.runners import Runners
from recovery.names import (
    ACCEPTED_INCREMENTALS,
    BESIDE,
    BESIDE_LABEL,
    OPERATOR_ACCOUNT,
    POSTGRES_PORT,
    RESTORER_ACCOUNT,
    SCRATCH_DISK_CLASS,
    SKIP_CREDENTIALS,
)
from recovery.site.capacity import BESIDE as SIZE
from recovery.site.postgres_beside import RESTORE_SCRIPT, START_SCRIPT, configuration, pg_hba

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.rbac import v1 as rbac

_CONFIG, _DATA = "/etc/postgres-beside", "/var/lib/postgresql"
_SERVER = "postgres"
_UID = 999  # `postgres` in the official image; the restore writes its files
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class PostgresBesideArgs:
    """`image` is the standby's, and the disk no smaller: the same database. `pod_cidrs`: where the operator's workspace
    gets its address; `people`: the Kubernetes group that may say what is restored, as the workspace may."""

    at: Runners
    image: str
    storage_size: str
    pod_cidrs: list[str]
    people: str


class PostgresBeside(pulumi.ComponentResource):
    """A Deployment of no Pod. The operator scales it to 1, which the promoter's role may do with every Deployment here,
    and says of what moment it shall be in a ConfigMap, which is the one right more: nobody may make Pods of their own.

    Its Pod restores that moment onto a new disk, then serves it as a standby that follows nobody. When its node is gone
    the next Pod does the same again; the disk goes with the Pod. No Service, gate or promotion knows its label.
    """

    def __init__(self, name: str, args: PostgresBesideArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:PostgresBeside", name, None, opts)
        child, namespace = as_child(self), args.at.namespace
        files = {
            "restore.sh": RESTORE_SCRIPT,
            "start.sh": START_SCRIPT,
            "postgresql.conf": configuration(SIZE),
            "pg_hba.conf": pg_hba(args.pod_cidrs),
        }
        config = k8s.core.v1.ConfigMap(
            f"{name}-config",
            metadata=workload.metadata(f"{BESIDE}-{_digest(files)}", namespace),
            data=files,
            immutable=True,
            opts=child,
        )
        # Without data of ours: what is to be restored is the operator's, and no update takes it away.
        order = k8s.core.v1.ConfigMap(f"{name}-order", metadata=workload.metadata(BESIDE, namespace), opts=child)
        identified = declare_identity(name, args.at, "restorer", self)
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=workload.metadata(BESIDE, namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "replicas": 0,
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": BESIDE_LABEL},
                "template": {
                    "metadata": {
                        "labels": {**workload.MANAGED_BY, **BESIDE_LABEL},
                        "annotations": {SKIP_CREDENTIALS: _SERVER},  # AWS is the restore's business
                    },
                    "spec": {
                        "service_account_name": RESTORER_ACCOUNT,
                        "automount_service_account_token": False,
                        "security_context": workload.pod_security(_UID),
                        "init_containers": [_restore(args)],
                        "containers": [_server(args)],
                        "volumes": [
                            {"name": "config", "config_map": {"name": config.metadata.apply(lambda meta: meta.name)}},
                            _disk(args),
                            *workload.runner_volumes(args.at.plan_map),
                        ],
                    },
                },
            },
            # The scale is the operator's while it runs.
            opts=as_child(self, depends_on=[*identified, order], ignore_changes=["spec.replicas"]),
        )
        self._rights(name, args)
        self.register_outputs({})

    def _rights(self, name: str, args: PostgresBesideArgs) -> None:
        """Say what is to be restored. To scale, and to see the Pod, is in the promoter's role."""
        namespace = args.at.namespace
        rules: list[rbac.PolicyRuleArgsDict] = [
            {"api_groups": [""], "resources": ["configmaps"], "resource_names": [BESIDE], "verbs": ["get", "patch"]}
        ]
        role = k8s.rbac.v1.Role(
            f"{name}-role", metadata=workload.metadata(BESIDE, namespace), rules=rules, opts=as_child(self)
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-binding",
            metadata=workload.metadata(BESIDE, namespace),
            role_ref={"api_group": _RBAC, "kind": "Role", "name": BESIDE},
            subjects=[
                {"kind": "Group", "name": args.people, "api_group": _RBAC},
                {"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": namespace},
            ],
            opts=as_child(self, depends_on=[role]),
        )


def _digest(files: dict[str, str]) -> str:
    """Named by content: a change makes a new map and rolls the Pod, which reads these files only when it starts."""
    return hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:10]


def _disk(args: PostgresBesideArgs) -> "core.VolumeArgsDict":
    """A volume that comes and goes with the Pod."""
    return {
        "name": "data",
        "ephemeral": {
            "volume_claim_template": {
                "spec": {
                    "access_modes": ["ReadWriteOnce"],
                    "storage_class_name": SCRATCH_DISK_CLASS,
                    "resources": {"requests": {"storage": args.storage_size}},
                }
            }
        },
    }


def _ordered(variable: str, key: str, *, optional: bool = False) -> "core.EnvVarArgsDict":
    """A variable from what the operator wrote. Without a moment no container starts."""
    return {"name": variable, "value_from": {"config_map_key_ref": {"name": BESIDE, "key": key, "optional": optional}}}


def _restore(args: PostgresBesideArgs) -> "core.ContainerArgsDict":
    """The runner, as the server's user. How it failed is in its status, so that nobody needs to read logs for it."""
    return {
        "name": "restore",
        "image": args.at.image,
        "command": ["sh", f"{_CONFIG}/restore.sh"],
        "env": [
            *workload.variables({**args.at.environment, "PGDATA": f"{_DATA}/data"}),
            _ordered("BESIDE_TO", "to"),
            _ordered(ACCEPTED_INCREMENTALS, "accept_incrementals_of", optional=True),
        ],
        "termination_message_policy": "FallbackToLogsOnError",
        "resources": workload.limits(SIZE),
        "security_context": workload.container_security(),
        "volume_mounts": [*_mounts(), *workload.runner_mounts()],
    }


def _server(args: PostgresBesideArgs) -> "core.ContainerArgsDict":
    return {
        "name": _SERVER,
        "image": args.image,
        "command": ["bash", f"{_CONFIG}/start.sh"],
        "env": [workload.pod_ip(), *workload.variables({"PGDATA": f"{_DATA}/data", "BESIDE_CONFIG": _CONFIG})],
        "ports": [{"name": "postgres", "container_port": POSTGRES_PORT}],
        "readiness_probe": {"tcp_socket": {"port": POSTGRES_PORT}, "period_seconds": 1},
        "termination_message_policy": "FallbackToLogsOnError",
        "resources": workload.limits(SIZE),
        "security_context": workload.container_security(),
        "volume_mounts": _mounts(),
    }


def _mounts() -> "list[core.VolumeMountArgsDict]":
    return [
        {"name": "data", "mount_path": _DATA},
        {"name": "config", "mount_path": _CONFIG, "read_only": True},
    ]
