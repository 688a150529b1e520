"""A scheduled backup in production's cluster."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.capacity import RUNNER
from recovery.names import BACKUP_ACCOUNT, BACKUP_LABEL, ROLE_BACKUP
from recovery.plan import Backup

# A few Jobs are kept for whoever asks why last night failed.
_HISTORY = 3
# One more try inside the time limit; what fails twice needs a person.
_RETRIES = 1


@dataclass(frozen=True, kw_only=True)
class BackupCronJobArgs:
    """`dataset` and `kind` as `dr backup` takes them; schedule and deadlines are the plan's."""

    site: str
    account: str
    dataset: str
    kind: str
    backup: Backup
    time_zone: str
    plan_map: pulumi.Input[str]
    namespace: str
    image: str
    host: str
    port: int
    database: str
    password: pulumi.Input[str]
    lock_mode: str
    cluster: str
    region: str
    role_arn: str


class BackupCronJob(pulumi.ComponentResource):
    """`dr backup` on the plan's schedule, in the plan's time zone; never two at once, never without an end.

    AWS credentials come by Pod Identity: there is no static key anywhere.
    """

    def __init__(self, name: str, args: BackupCronJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:BackupCronJob", name, None, opts)
        child = as_child(self)
        self.association = aws.eks.PodIdentityAssociation(
            f"{name}-identity",
            region=args.region,
            cluster_name=args.cluster,
            namespace=args.namespace,
            service_account=BACKUP_ACCOUNT,
            role_arn=args.role_arn,
            opts=child,
        )
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=workload.metadata(BACKUP_ACCOUNT, args.namespace),
            automount_service_account_token=False,
            opts=child,
        )
        login = k8s.core.v1.Secret(
            f"{name}-login",
            metadata=workload.metadata("dr-backup-login", args.namespace),
            string_data={"password": args.password},
            opts=child,
        )
        environment = workload.runner_environment(args.account, args.site) | {
            "DR_LOCK_MODE": args.lock_mode,
            "PGHOST": args.host,
            "PGPORT": str(args.port),
            "PGDATABASE": args.database,
            "PGUSER": ROLE_BACKUP,
        }
        self.cron_job = k8s.batch.v1.CronJob(
            f"{name}-job",
            metadata=workload.metadata(name, args.namespace),
            spec={
                "schedule": args.backup.schedule,
                "time_zone": args.time_zone,
                "concurrency_policy": "Forbid",
                "starting_deadline_seconds": int(args.backup.start_deadline.total_seconds()),
                "successful_jobs_history_limit": _HISTORY,
                "failed_jobs_history_limit": _HISTORY,
                "job_template": {
                    "spec": {
                        "active_deadline_seconds": int(args.backup.time_limit.total_seconds()),
                        "backoff_limit": _RETRIES,
                        "template": {
                            "metadata": {"labels": {**workload.MANAGED_BY, **BACKUP_LABEL}},
                            "spec": {
                                "restart_policy": "Never",
                                "service_account_name": BACKUP_ACCOUNT,
                                "automount_service_account_token": False,
                                "security_context": workload.pod_security(workload.runner_uid()),
                                "containers": [
                                    {
                                        "name": "backup",
                                        "image": args.image,
                                        "command": ["dr", "backup", args.dataset, args.kind],
                                        "env": [
                                            *workload.variables(environment),
                                            workload.secret_variable("PGPASSWORD", "dr-backup-login"),
                                        ],
                                        "resources": workload.limits(RUNNER),
                                        "security_context": workload.container_security(),
                                        "volume_mounts": workload.runner_mounts(),
                                    }
                                ],
                                "volumes": workload.runner_volumes(args.plan_map),
                            },
                        },
                    }
                },
            },
            opts=as_child(self, depends_on=[self.association, account, login]),
        )
        self.register_outputs({"schedule": args.backup.schedule})
