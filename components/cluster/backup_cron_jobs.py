"""Scheduled backups of a dataset, the same at both sites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.cluster.backup_source import BackupSource
from components.identity import declare_identity, declare_login
from components.runner_pod import on_schedule, runner_pod
from components.runners import Runners
from recovery.copies.retention import BUILDS_ON, DUE_LOOKED_AT, FULL
from recovery.names import backup_cron_job, due_cron_job
from recovery.plan.plan import Backup

# A few Jobs are kept for whoever asks why last night failed.
_HISTORY = 3
# One more try inside the time limit; what fails twice needs a person.
_RETRIES = 1


@dataclass(frozen=True, kw_only=True)
class BackupCronJobsArgs:
    """`source`: how the dataset is reached at this site. The keys of `kinds` are as `dr backup` takes them; schedule
    and deadlines are the plan's. `account`: the source's duty's, where another dataset of the site has declared it."""

    at: Runners
    source: BackupSource
    kinds: Mapping[str, Backup]
    lock_mode: str
    account: Sequence[pulumi.Resource] = ()


class BackupCronJobs(pulumi.ComponentResource):
    """`dr backup` on each kind's schedule, in the plan's time zone; never two at once, never without an end. Beside
    them a look every few minutes whether a full one is due before its time: after a promotion, after a gap in the log.

    It is declared at both sites and makes copies where the lease is: at the other one each run ends at once and well.
    So copying goes on by itself after a promotion, and nobody has to be given the right to start it.

    AWS credentials come by Pod Identity: there is no static key anywhere. All datasets of a site whose duty is
    the same are copied by one service account, `account`, and each dataset's Pods have the password of their own server
    alone.
    """

    def __init__(self, name: str, args: BackupCronJobsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:BackupCronJobs", name, None, opts)
        self.account = [*args.account] or declare_identity(name, args.at, args.source.duty, self)
        login = args.source.login
        needed = [*self.account]
        if login:
            needed.append(declare_login(name, login.name, args.at.namespace, login.password, self))
        opts = as_child(self, depends_on=needed)
        dataset = args.source.dataset
        for kind, backup in args.kinds.items():
            _cron_job(args, kind, backup_cron_job(dataset, kind), backup.schedule, [], opts)
        if args.source.due:
            _cron_job(args, FULL, due_cron_job(dataset), DUE_LOOKED_AT, ["--if-due"], opts)
        self.register_outputs({"schedules": {kind: each.schedule for kind, each in args.kinds.items()}})


def _cron_job(
    args: BackupCronJobsArgs, kind: str, name: str, schedule: str, more: list[str], opts: pulumi.ResourceOptions
) -> k8s.batch.v1.CronJob:
    source, backup = args.source, args.kinds[kind]
    # One that has nothing to build on becomes one that others build on, and takes as long.
    limits = [args.kinds[each].time_limit for each in (kind, *BUILDS_ON.get(kind, ())) if each in args.kinds]
    pod = runner_pod(
        "backup",
        ["dr", "backup", source.dataset, kind, "--if-active", *more],
        args.at,
        source.duty,
        labels=source.labels,
        logins={source.login.variable: source.login.name} if source.login else {},
        environment={"DR_LOCK_MODE": args.lock_mode, **source.environment},
        mounts=source.mounts,
        volumes=source.volumes,
        size=source.size,
    )
    spec = on_schedule(
        schedule,
        pod,
        start_deadline=backup.start_deadline,
        time_limit=max(limits),
        history=_HISTORY,
        retries=_RETRIES,
    )
    return k8s.batch.v1.CronJob(
        f"{name}-job",
        metadata=workload.metadata(name, args.at.namespace),
        spec={**spec, "time_zone": args.at.names.plan.time_zone},
        opts=opts,
    )
