"""What follows PostgreSQL's log into the DR bucket, the same at both sites."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.primary_tls import PrimaryTls
from components.identity import declare_identity
from components.runner_pod import Serves, runner_pod
from components.runners import Runners
from recovery.names import LOG_SHIPPER, ROLE_REPLICATION, SHIPPER_LABEL
from recovery.plan.plan import Plan
from recovery.site.capacity import SHIPPER, SHIPPER_ALLOCATOR

_LOGIN = "dr-shipper-login"
# The range that is being gathered is stored before it ends; then S3 gets its time.
_GRACE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class LogShipperArgs:
    """`host` is this site's primary, or what will be it; `password` the database role dr_replication's; `tls` how it
    is reached where it offers TLS; `priority` of what must not wait for room."""

    at: Runners
    host: str
    port: int
    password: pulumi.Input[str]
    lock_mode: str
    priority: pulumi.Input[str]
    tls: PrimaryTls | None = None
    after: Sequence[pulumi.Resource] = ()
    """What has to be there before its Pod, such as the Service in whose variable `host` is found."""


def _terms(plan: Plan) -> str:
    """What a shipper reads of the plan, as one short name."""
    return plan.digest_of("lease", "sites", "datasets.postgres.log")


class LogShipper(pulumi.ComponentResource):
    """`dr ship-log postgres` as a Deployment. It works where the lease is and waits at the other site, so the log goes
    on by itself after a promotion.

    One replica, replaced by Recreate: two would wait for one slot. What the server has not been told is stored stays
    on the server, so a Pod that is gone loses nothing; it comes before others all the same and leaves a dead node
    soon, because until it is back every commit is in one region only. A disruption budget would only block a drain.
    """

    def __init__(self, name: str, args: LogShipperArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:LogShipper", name, None, opts)
        identified = declare_identity(name, args.at, "shipper", self, login=_LOGIN, password=args.password)
        pod = runner_pod(
            "shipper",
            ["dr", "ship-log", "postgres"],
            args.at,
            "shipper",
            labels=SHIPPER_LABEL,
            logins={"PGPASSWORD": _LOGIN},
            environment={
                workload.READ_AT_START: _terms(args.at.names.plan),
                "DR_LOCK_MODE": args.lock_mode,
                "PGHOST": args.host,
                "PGPORT": str(args.port),
                "PGUSER": ROLE_REPLICATION,
                **SHIPPER_ALLOCATOR,
                **(args.tls.environment if args.tls else {}),
            },
            mounts=args.tls.mounts if args.tls else (),
            volumes=args.tls.volumes if args.tls else (),
            size=SHIPPER,
            serves=Serves(grace_seconds=_GRACE_SECONDS, priority=args.priority),
        )
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=workload.metadata(LOG_SHIPPER, args.at.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": SHIPPER_LABEL},
                "template": pod,
            },
            opts=as_child(self, depends_on=[*identified, *args.after]),
        )
        self.register_outputs({})
