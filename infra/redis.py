"""What both sites declare of Redis: who follows it, and how it is copied."""

import pulumi

from components.cluster.backup_cron_jobs import BackupCronJobs, BackupCronJobsArgs
from components.databases.redis_replica import REDIS_REPLICA_HOST, RedisReplica, RedisReplicaArgs
from components.databases.redis_source import redis_ca_map, redis_source
from components.runners import Runners
from infra.prod_outputs import Production
from infra.settings.dr import DrSettings
from infra.settings.prod import ProdSettings
from recovery.names import DISK_CLASS, REDIS_PORT, ROLE_BACKUP, ROLE_MONITOR, ROLE_PROMOTER
from recovery.plan.plan import Backup, Plan


def at_production(
    settings: ProdSettings, at: Runners, beside: BackupCronJobs, opts: pulumi.ResourceOptions
) -> BackupCronJobsArgs:
    """Copies of the server that the configuration names, by the account of `beside`."""
    redis = settings.redis
    ca_map = None
    if redis.ca:
        made = redis_ca_map(redis.ca, settings.plan.sites.prod.namespace, opts)
        ca_map = made.metadata.apply(lambda meta: meta.name or "")
    return BackupCronJobsArgs(
        at=at,
        source=redis_source(
            host=redis.backup_host, port=redis.port, password=redis.backup_password, tls=redis.tls, ca_map=ca_map
        ),
        kinds=_kinds(settings.plan),
        lock_mode=settings.lock_mode,
        account=beside.account,
    )


def at_dr(settings: DrSettings, at: Runners, beside: BackupCronJobs, replica: RedisReplica) -> BackupCronJobsArgs:
    """Copies of our own server, once it is the one that customers use."""
    return BackupCronJobsArgs(
        at=at,
        source=redis_source(host=REDIS_REPLICA_HOST, port=REDIS_PORT, password=settings.redis.backup_password),
        kinds=_kinds(settings.plan),
        lock_mode=settings.lock_mode,
        account=[*beside.account, replica.service],
    )


def replica(
    settings: DrSettings, namespace: pulumi.Output[str], production: Production, urgent: pulumi.Output[str]
) -> RedisReplicaArgs:
    """What follows production's at the DR site."""
    redis, application = settings.redis, settings.plan.datasets.redis.application_user
    passwords: dict[str, pulumi.Input[str]] = {
        application: redis.application_password,
        ROLE_BACKUP: redis.backup_password,
        ROLE_MONITOR: redis.monitor_password,
        **({ROLE_PROMOTER: redis.promoter_password} if redis.promoter_password is not None else {}),
    }
    has_certificate = redis.certificate is not None
    return RedisReplicaArgs(
        namespace=namespace,
        image=redis.image,
        primary_host=production.redis_host,
        primary_port=production.redis_port,
        primary_tls=production.redis_tls.apply(lambda tls: require_certificate(tls, given=has_certificate)),
        primary_ca=production.redis_ca,
        password=redis.replication_password,
        certificate=redis.certificate or "",
        application=application,
        passwords=passwords,
        storage_class=DISK_CLASS,
        storage_size=redis.storage_size,
        size=redis.size,
        priority=urgent,
        follows=settings.plan.strategy == "warm",
    )


def _kinds(plan: Plan) -> dict[str, Backup]:
    return {"full": plan.datasets.redis.full, "snapshot": plan.datasets.redis.snapshot}


def require_certificate(tls: str, *, given: bool) -> str:
    """Redis speaks TLS to another one only with a certificate of its own: it does not start without."""
    if tls == "yes" and not given:
        raise pulumi.RunError(
            "production's Redis speaks TLS, and its replica at the DR site has no certificate to speak it with\n"
            "Next: pulumi config set --secret ultramarket-dr:redisCertificate --stack dr, certificate and key as PEM"
        )
    return tls
