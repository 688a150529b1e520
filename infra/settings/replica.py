"""The replica in production's site, where the prod stack is to have one of its own."""

from dataclasses import dataclass

from infra.settings.config import Config
from infra.settings.postgres_server import disk_key, postgres_image, postgres_size, storage_size
from recovery.plan.plan import Plan
from recovery.site.capacity import Size

_OWN = ("postgresImage", "postgresSettings", "postgresCpu", "postgresMemory", "storageSize", "diskKey", "podCidrs")


@dataclass(frozen=True, kw_only=True)
class ReplicaSettings:
    """`postgres_settings` win over the primary's; `pod_cidrs`: where production's Pods get their addresses."""

    postgres_image: str
    postgres_settings: dict[str, str]
    size: Size
    storage_size: str
    disk_key: str
    pod_cidrs: list[str]


def replica_in_site(config: Config, plan: Plan) -> ReplicaSettings | None:
    """Off by default: UltraMarket may have a replica, which `backupHost` then names. What it would be like may stay in
    the configuration while it is off."""
    if not config.flag("replicaInSite", default=False):
        for key in _OWN:
            config.given(key)
        return None
    if config.given("backupHost"):
        config.wrong("replicaInSite", "false with backupHost: backups are read of one of them", "true")
    return ReplicaSettings(
        postgres_image=postgres_image(config),
        postgres_settings=config.mapping("postgresSettings", "PostgreSQL settings by name"),
        size=postgres_size(config),
        storage_size=storage_size(config, plan),
        disk_key=disk_key(config, "production's region"),
        pod_cidrs=config.ranges("podCidrs", "a range of Pod addresses"),
    )
