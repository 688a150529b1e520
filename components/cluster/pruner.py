"""What ends copies that have served their time, the same at both sites: a CronJob a bucket."""

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.identity import declare_identity
from components.runner_pod import on_schedule, runner_pod
from components.runners import Runners
from recovery.copies.pruning import SCHEDULE, TIME_LIMIT
from recovery.names import PRUNER_LABEL, prune_cron_job
from recovery.plan.plan import SITES, SiteName

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

_HISTORY = 2


class Pruner(pulumi.ComponentResource):
    """`dr prune` on both buckets, each by a Job of its own: one that cannot be reached keeps nobody from the other.

    It works where the lease is and is skipped at the other site. Copies in an account of their own it only looks at:
    it still tells what somebody hid there. A run reads the plan when it starts, so no number of it is in here.
    """

    def __init__(self, name: str, at: Runners, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:Pruner", name, None, opts)
        identified = declare_identity(name, at, "pruner", self)
        for bucket in SITES:
            k8s.batch.v1.CronJob(
                f"{name}-{bucket}",
                metadata=workload.metadata(prune_cron_job(bucket), at.namespace),
                # No try is repeated: the next run goes on where one broke off.
                spec=on_schedule(
                    SCHEDULE, _pod(bucket, at), start_deadline=TIME_LIMIT, time_limit=TIME_LIMIT, history=_HISTORY
                ),
                opts=as_child(self, depends_on=identified),
            )
        self.register_outputs({"schedule": SCHEDULE})


def _pod(bucket: SiteName, at: Runners) -> "core.PodTemplateSpecArgsDict":
    ends = [] if at.names.apart and bucket == "dr" else ["--execute"]
    command = ["dr", "prune", "--bucket", bucket, "--if-active", *ends]
    return runner_pod("pruner", command, at, "pruner", labels=PRUNER_LABEL)
