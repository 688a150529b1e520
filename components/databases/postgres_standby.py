"""The DR site's PostgreSQL: a streaming standby that a promotion turns into the primary."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.fill_container import FILL_FILE_NAME, fill_container
from components.databases.guard_container import (
    GuardArgs,
    declare_gate,
    declare_guard_identity,
    declare_redis_gate,
    guard_beside,
    socket_mount,
    socket_volume,
)
from components.databases.log_container import log_container
from components.databases.standby_server import (
    CONFIG,
    GRACE_SECONDS,
    SERVER,
    UID,
    FollowsArgs,
    data_claim,
    data_mounts,
    declare_files,
    server,
    server_volumes,
    way_to_primary,
)
from components.identity import declare_login
from recovery.names import (
    GATE_FOLDER,
    GATE_PORT,
    GUARD_ACCOUNT,
    LOG_PORT,
    OWN_LOOPBACK,
    POSTGRES_PORT,
    SKIP_CREDENTIALS,
    STANDBY,
    STANDBY_LABEL,
    STANDBY_ORDER,
)
from recovery.site.fetch_log import FETCH_FILE_NAME, FETCH_SCRIPT
from recovery.site.postgres_standby import SLOT, pg_hba
from recovery.site.standby_fill import FILL_SCRIPT

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

STANDBY_HOST = "$(POSTGRES_STANDBY_SERVICE_HOST)"
_LOGIN = "dr-replication-login"


@dataclass(frozen=True, kw_only=True)
class PostgresStandbyArgs(FollowsArgs):
    """`pod_cidrs`: where Pods and the operator's workspace get their addresses; `priority` of what must not wait.
    `follows`: at a cold site the bucket alone, once a promotion starts it."""

    database: str
    application_role: str
    pod_cidrs: list[str]
    priority: pulumi.Input[str]
    follows: Literal["production", "bucket"]
    guard: GuardArgs


class PostgresStandby(pulumi.ComponentResource):
    """One Pod on one volume, which is filled when it is empty: with a copy of production, whose log then comes over the
    slot `dr_standby`; or out of the bucket, where production does not answer or a promotion asks for that. At a cold
    site no Pod runs before a promotion.

    Beside the server runs the site's guard with the gate, the only way in for the application: through a Unix socket
    that no other container mounts. Closed unless the site holds the lease; killed, it closes, and the server goes on.
    A third container gives the server its log out of the DR bucket while the stream is dead.

    The slot keeps WAL on the primary while the standby is away; how much is capped there (max_slot_wal_keep_size).
    The volume outlives the StatefulSet. Nothing waits for readiness: the first copy takes as long as it takes.
    """

    def __init__(self, name: str, args: PostgresStandbyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:PostgresStandby", name, None, opts)
        child, namespace = as_child(self), args.guard.at.namespace
        hba = pg_hba(database=args.database, application=args.application_role, pods=args.pod_cidrs)
        more: dict[str, pulumi.Input[str]] = {
            FILL_FILE_NAME: FILL_SCRIPT,
            FETCH_FILE_NAME: FETCH_SCRIPT,
            "pg_hba.conf": hba,
        }
        config = declare_files(name, STANDBY, args, more, namespace, self)
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
        self.redis_gate = declare_redis_gate(name, STANDBY_LABEL, namespace, self)
        guard = declare_guard_identity(f"{name}-guard", args.guard, self)
        k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(STANDBY, namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "service_name": STANDBY,
                "replicas": 1 if args.follows == "production" else 0,
                # With the usual OrderedReady a Pod that is not ready is never replaced, so that no change would reach
                # a standby whose gate is closed: https://github.com/kubernetes/kubernetes/issues/67250
                "pod_management_policy": "Parallel",
                "selector": {"match_labels": STANDBY_LABEL},
                "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
                "template": {
                    "metadata": {
                        "labels": {**workload.MANAGED_BY, **STANDBY_LABEL},
                        "annotations": {SKIP_CREDENTIALS: SERVER},  # AWS is the others' business
                    },
                    "spec": {
                        **workload.urgent(args.priority),
                        "service_account_name": GUARD_ACCOUNT,
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": GRACE_SECONDS,
                        "security_context": workload.pod_security(UID),
                        "init_containers": [_fill(args)],
                        "containers": [_container(args), guard_beside(args.guard), log_container(args.guard.at)],
                        "volumes": server_volumes(
                            config, [socket_volume(), *workload.runner_volumes(args.guard.at.plan_map)]
                        ),
                    },
                },
                "volume_claim_templates": [data_claim(args)],
            },
            # A promotion ends the Pod whose data are damaged, and no update brings it back meanwhile.
            opts=as_child(self, depends_on=[login, order, *guard], protect=True, ignore_changes=["spec.replicas"]),
        )
        self.host = self.service.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.gate_host = self.gate.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.redis_gate_host = self.redis_gate.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.register_outputs({"host": self.host, "gate_host": self.gate_host})


def _fill(args: PostgresStandbyArgs) -> "core.ContainerArgsDict":
    return fill_container(
        args.guard.at,
        script=f"{CONFIG}/{FILL_FILE_NAME}",
        environment={**way_to_primary(args, SLOT), "STANDBY_FOLLOWS": args.follows},
        password=workload.secret_variable("PGPASSWORD", _LOGIN),
        size=args.size,
        mounts=data_mounts(),
    )


def _container(args: PostgresStandbyArgs) -> "core.ContainerArgsDict":
    """Its socket is in the gate's folder, its log comes from the container beside it."""
    return server(
        args,
        login=_LOGIN,
        slot=SLOT,
        socket=GATE_FOLDER,
        environment={
            "STANDBY_FOLLOWS": args.follows,
            "STANDBY_LOG_HOST": OWN_LOOPBACK,
            "STANDBY_LOG_PORT": str(LOG_PORT),
        },
        mounts=[socket_mount()],
    )
