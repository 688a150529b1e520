"""Scheduled backups of a dataset, the same at both sites."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.primary_tls import PrimaryTls
from components.identity import declare_identity
from components.runner_pod import on_schedule, runner_pod
from components.runners import Runners
from recovery.copies.retention import BUILDS_ON, DUE_LOOKED_AT, FULL
from recovery.names import ACCEPTED_INCREMENTALS, BACKUP_LABEL, READ_REPLICA, ROLE_BACKUP, backup_cron_job, due_cron_job
from recovery.plan.plan import Backup

# A few Jobs are kept for whoever asks why last night failed.
_HISTORY = 3
# One more try inside the time limit; what fails twice needs a person.
_RETRIES = 1
_LOGIN = "dr-backup-login"


@dataclass(frozen=True, kw_only=True)
class BackupCronJobsArgs:
    """`dataset` and the keys of `kinds` as `dr backup` takes them; schedule and deadlines are the plan's. `host` is the
    database of this site, `tls` how it is reached where it offers TLS; `replica`: its replica as host:port, if there is
    one to be read instead; `accept_incrementals_of`: an override of `recovery.copies.chain`."""

    at: Runners
    dataset: str
    kinds: Mapping[str, Backup]
    host: str
    port: int
    database: str
    password: pulumi.Input[str]
    lock_mode: str
    tls: PrimaryTls | None = None
    replica: str = ""
    accept_incrementals_of: str = ""


class BackupCronJobs(pulumi.ComponentResource):
    """`dr backup` on each kind's schedule, in the plan's time zone; never two at once, never without an end. Beside
    them a look every few minutes whether a full one is due before its time: after a promotion, after a gap in the log.

    It is declared at both sites and makes copies where the lease is: at the other one each run ends at once and well.
    So copying goes on by itself after a promotion, and nobody has to be given the right to start it.

    AWS credentials come by Pod Identity: there is no static key anywhere.
    """

    def __init__(self, name: str, args: BackupCronJobsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:BackupCronJobs", name, None, opts)
        identified = declare_identity(name, args.at, "writer", self, login=_LOGIN, password=args.password)
        opts = as_child(self, depends_on=identified)
        for kind, backup in args.kinds.items():
            _cron_job(args, kind, backup_cron_job(args.dataset, kind), backup.schedule, [], opts)
        _cron_job(args, FULL, due_cron_job(args.dataset), DUE_LOOKED_AT, ["--if-due"], opts)
        self.register_outputs({"schedules": {kind: each.schedule for kind, each in args.kinds.items()}})


def _cron_job(
    args: BackupCronJobsArgs, kind: str, name: str, schedule: str, more: list[str], opts: pulumi.ResourceOptions
) -> k8s.batch.v1.CronJob:
    backup = args.kinds[kind]
    # One that has nothing to build on becomes one that others build on, and takes as long.
    limits = [args.kinds[each].time_limit for each in (kind, *BUILDS_ON.get(kind, ())) if each in args.kinds]
    pod = runner_pod(
        "backup",
        ["dr", "backup", args.dataset, kind, "--if-active", *more],
        args.at,
        "writer",
        labels=BACKUP_LABEL,
        login=_LOGIN,
        environment={
            "DR_LOCK_MODE": args.lock_mode,
            "PGHOST": args.host,
            "PGPORT": str(args.port),
            "PGDATABASE": args.database,
            "PGUSER": ROLE_BACKUP,
            **({READ_REPLICA: args.replica} if args.replica else {}),
            **({ACCEPTED_INCREMENTALS: args.accept_incrementals_of} if args.accept_incrementals_of else {}),
            **(args.tls.environment if args.tls else {}),
        },
        mounts=args.tls.mounts if args.tls else (),
        volumes=args.tls.volumes if args.tls else (),
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
