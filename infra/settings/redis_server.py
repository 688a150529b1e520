"""What the stacks say of Redis: where production's is and how it is reached, and of the server of ours that follows."""

from dataclasses import dataclass

import pulumi

from infra.settings.config import Config
from infra.settings.primary_tls import certificates
from recovery.plan.plan import Plan
from recovery.site.capacity import Size, least_redis_disk_gibibytes, redis_size
from recovery.units import format_size


@dataclass(frozen=True, kw_only=True)
class RedisPrimary:
    """Production's, as its Pods and the DR site reach it. `backup_host`: which server snapshots are read of. `tls`
    whether it speaks that; `ca` is PEM text, empty for what everybody's machines believe."""

    host: str
    port: int
    backup_host: str
    tls: bool
    ca: str
    backup_password: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class RedisFollower:
    """The DR site's. The passwords are those of users who log in there; `replication_password` that of production's
    user, `certificate` key and certificate as PEM, None where production speaks no TLS."""

    image: str
    size: Size
    storage_size: str
    replication_password: pulumi.Output[str]
    certificate: pulumi.Output[str] | None
    application_password: pulumi.Output[str]
    backup_password: pulumi.Output[str]
    monitor_password: pulumi.Output[str]
    promoter_password: pulumi.Output[str] | None


def redis_primary(config: Config) -> RedisPrimary:
    """No encryption has to be said, as for PostgreSQL."""
    host = config.host("redisHost", "the host of production's Redis primary")
    tls = config.text("redisTls", "yes|no", "yes or no", default="yes")
    authority = config.text("redisCa", r"[\s\S]*", "a CA certificate as PEM", default="")
    if authority and not certificates(authority):
        config.wrong("redisCa", "CA certificates as PEM, from -----BEGIN CERTIFICATE----- on and no key", authority)
    if authority and tls == "no":
        config.wrong("redisTls", "yes, since redisCa is given and nothing else looks at it", tls)
    return RedisPrimary(
        host=host,
        port=config.number("redisPort", 1, 65535, default=6379),
        backup_host=config.host("redisBackupHost", "the Redis that snapshots are read of", default=host),
        tls=tls == "yes",
        ca=authority,
        backup_password=config.secret("redisBackupPassword", "snapshots of Redis are read with it (user dr_backup)"),
    )


def redis_follower(config: Config, plan: Plan) -> RedisFollower:
    """By digest, with room for the plan's data. Nobody promotes without the workspace, whose password makes it."""
    promotes = config.given("promoterPassword")
    return RedisFollower(
        image=config.image("redisImage", "valkey"),
        size=_size(config, plan),
        storage_size=_storage_size(config, plan),
        replication_password=config.secret(
            "redisReplicationPassword", "the DR site's Redis follows production's with it (user dr_replication)"
        ),
        certificate=_certificate(config),
        application_password=config.secret("redisApplicationPassword", "the services log in to Redis with it"),
        backup_password=config.secret("redisBackupPassword", "snapshots of Redis are read with it (user dr_backup)"),
        monitor_password=config.secret("redisMonitorPassword", "the monitor logs in to Redis with it (dr_monitor)"),
        promoter_password=_promoter(config) if promotes or config.given("redisPromoterPassword") else None,
    )


def _promoter(config: Config) -> pulumi.Output[str]:
    return config.secret("redisPromoterPassword", "the operator workspace logs in to Redis with it (dr_promoter)")


def _certificate(config: Config) -> pulumi.Output[str] | None:
    if not config.given("redisCertificate"):
        return None
    expected = "certificate and key, as PEM, with which the DR site's Redis speaks TLS to production's"
    return config.secret("redisCertificate", expected)


def _size(config: Config, plan: Plan) -> Size:
    """All of its data are in memory, so the plan says how large it is; more may be said."""
    least = redis_size(plan)
    memory = config.amount(
        "redisMemory", {"Mi": 1, "Gi": 1024}, "an amount such as 8Gi", default=least.memory, least=least.memory
    )
    cpu = config.amount("redisCpu", {"m": 1}, "thousandths of a core such as 1000m", default=least.cpu)
    return Size(millicores=cpu, mebibytes=memory)


def _storage_size(config: Config, plan: Plan) -> str:
    least = least_redis_disk_gibibytes(plan)
    size = config.amount("redisStorageSize", {"Gi": 1, "Ti": 1024}, "a size such as 40Gi", default=f"{least}Gi")
    if 0 < size < least:
        data = format_size(plan.assumptions.size.redis)
        config.wrong("redisStorageSize", f"at least {least}Gi for {data} of data, written out twice over", f"{size}Gi")
    return f"{size}Gi"
