"""A replica of production's primary in its own site, which backups are read of instead of it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.standby_server import (
    GRACE_SECONDS,
    RUN,
    UID,
    FollowsArgs,
    data_claim,
    declare_files,
    server,
    server_volumes,
)
from components.identity import declare_login
from components.storage.encrypted_disks import declare_class
from recovery.names import BACKUP_LABEL, MONITOR_LABEL, POSTGRES_PORT, REPLICA, REPLICA_LABEL, REPLICA_SLOT
from recovery.site.postgres_replica import pg_hba, settings

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

REPLICA_HOST = f"$({REPLICA.upper().replace('-', '_')}_SERVICE_HOST)"
_LOGIN = "dr-replica-login"


@dataclass(frozen=True, kw_only=True)
class PostgresReplicaArgs(FollowsArgs):
    """`pod_cidrs`: where Pods get their addresses; `disk_key`: a KMS key for its disk, empty for the account's."""

    namespace: pulumi.Input[str]
    pod_cidrs: list[str]
    disk_key: str


class PostgresReplica(pulumi.ComponentResource):
    """One Pod on one volume, copied from the primary when the volume is empty, streaming over the slot `prod_replica`,
    which keeps WAL there while it is away, as much as max_slot_wal_keep_size allows.

    No guard and no gate, because nobody orders here; no account of AWS, no promotion, no application. Claim and
    volume stay when the StatefulSet goes, like the standby's, though nothing is there that is not at the primary. It is
    not urgent: while it is away, backups are read of the primary.
    """

    def __init__(self, name: str, args: PostgresReplicaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:PostgresReplica", name, None, opts)
        child, namespace = as_child(self), args.namespace
        config = declare_files(name, REPLICA, args, {"pg_hba.conf": pg_hba(args.pod_cidrs)}, namespace, self)
        login = declare_login(name, _LOGIN, namespace, args.password, self)
        disk = declare_class(f"{name}-class", args.storage_class, "Retain", args.disk_key, self)
        self.service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=workload.metadata(REPLICA, namespace, annotations=workload.SKIP_AWAIT),
            spec={"selector": REPLICA_LABEL, "ports": [{"name": "postgres", "port": POSTGRES_PORT}]},
            opts=child,
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-way",
            metadata=workload.metadata(f"{REPLICA}-for-copies", namespace),
            spec=_way(),
            opts=child,
        )
        container = server(
            replace(args, settings=settings(args.settings)), login=_LOGIN, slot=REPLICA_SLOT, socket=RUN, environment={}
        )
        k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(REPLICA, namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "service_name": REPLICA,
                "replicas": 1,
                # As the standby's: a Pod that is not ready is replaced all the same.
                "pod_management_policy": "Parallel",
                "selector": {"match_labels": REPLICA_LABEL},
                "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **REPLICA_LABEL}},
                    "spec": {
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": GRACE_SECONDS,
                        "security_context": workload.pod_security(UID),
                        "containers": [container],
                        "volumes": server_volumes(config),
                    },
                },
                "volume_claim_templates": [data_claim(args)],
            },
            opts=as_child(self, depends_on=[login, disk]),
        )
        self.register_outputs({})


def _way() -> "networking.NetworkPolicySpecArgsDict":
    """In: the Pods that make backups, and a monitor. Out stays open: the primary may be anywhere."""
    peers: list[networking.NetworkPolicyPeerArgsDict] = [
        {"pod_selector": {"match_labels": label}} for label in (BACKUP_LABEL, MONITOR_LABEL)
    ]
    return {
        "pod_selector": {"match_labels": REPLICA_LABEL},
        "policy_types": ["Ingress"],
        "ingress": [{"from_": peers, "ports": [{"port": POSTGRES_PORT, "protocol": "TCP"}]}],
    }
