"""The recovery plan: `recovery.yaml` as frozen models. A number of the plan stands here and nowhere else."""

import hashlib
import json
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from recovery.units import Duration, Share, Term

SITES = ("prod", "dr")
SiteName = Literal["prod", "dr"]
StrategyName = Literal["warm", "cold", "hot"]

# Multi-Region strong consistency works only inside one of these sets.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html (2026-11)
MRSC_REGION_SETS = (
    frozenset({"us-east-1", "us-east-2", "us-west-2"}),
    frozenset({"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"}),
    frozenset({"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"}),
)
# UltraMarket's six services, in the order of the original document.
SERVICES = ("auth", "user", "product", "order", "payment", "cart")


def _cron(value: str) -> str:
    from datetime import UTC, datetime

    if value.count(" ") != 4:
        raise ValueError(f"expected five cron fields such as '0 2 * * *', found {value!r}")
    try:
        next(CronSim(value, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"not a cron schedule: {value!r} ({error})") from None
    except StopIteration:
        raise ValueError(f"this schedule never fires: {value!r}") from None
    return value


Cron = Annotated[str, AfterValidator(_cron)]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
DnsName = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$")]
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
SqlName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]


class Model(BaseModel):
    """Frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Objectives(Model):
    """What the business asks for."""

    rto: Duration
    rpo: Duration
    uptime: Share
    backup_success: Share
    integrity: Share


class Site(Model):
    """Where a site runs."""

    region: Region
    namespace: KubernetesName


class Witness(Model):
    """The third region of the control table: it votes, it stores no data of ours."""

    region: Region


class Sites(Model):
    """Production, DR and the witness, all in one MRSC region set."""

    prod: Site
    dr: Site
    witness: Witness

    @model_validator(mode="after")
    def _one_region_set(self) -> Self:
        regions = {self.prod.region, self.dr.region, self.witness.region}
        if len(regions) != 3:
            raise ValueError("production, DR and witness must be three different regions")
        if not any(regions <= allowed for allowed in MRSC_REGION_SETS):
            sets = "; ".join(", ".join(sorted(s)) for s in MRSC_REGION_SETS)
            raise ValueError(
                f"regions {', '.join(sorted(regions))} are not in one DynamoDB strong-consistency set: {sets}"
            )
        return self


class HealthCheck(Model):
    """How often Route 53 looks for the failover marker (10 s or 30 s only) and how many answers it wants."""

    interval: Duration
    failures: int = Field(ge=1, le=10)

    @field_validator("interval")
    @classmethod
    def _route53_intervals(cls, value: Duration) -> Duration:
        if value.total_seconds() not in (10, 30):
            raise ValueError("Route 53 checks every 10s or 30s, nothing else")
        return value


class Dns(Model):
    """The public name and how fast it can move."""

    name: DnsName
    ttl: Duration
    health_check: HealthCheck


class LeaseTerms(Model):
    """Who may write: `duration` the promise holds, `renewal` between renewals, `margin` added by whoever takes it."""

    duration: Duration
    renewal: Duration
    margin: Duration

    @model_validator(mode="after")
    def _room_to_renew(self) -> Self:
        if self.renewal * 3 > self.duration:
            raise ValueError("renewal must be at most a third of duration, so that one slow answer closes nothing")
        return self


class Retention(Model):
    """How long a copy is kept: local = production's bucket, cloud = the DR bucket, archive = its Glacier classes."""

    local: Duration
    cloud: Duration
    archive: Term

    @model_validator(mode="after")
    def _longer_further_out(self) -> Self:
        if not self.local <= self.cloud <= self.archive:
            raise ValueError("expected local <= cloud <= archive")
        return self


class Backup(Model):
    """One kind of backup: when it starts, how late it may start, how long it may run, how long it is kept."""

    schedule: Cron
    start_deadline: Duration
    time_limit: Duration
    keep: Retention


class Log(Model):
    """A dataset's log of changes, written straight to the DR bucket: `every` is the longest a change waits to be sent.

    `keep.local` is kept by the same copy: production reads the DR bucket.
    """

    every: Duration
    keep: Retention


class Postgres(Model):
    """PostgreSQL: orders, users, payments. `incremental` builds on the newest full or incremental."""

    database: SqlName
    application_role: SqlName
    full: Backup
    incremental: Backup
    log: Log


class Mongo(Model):
    """MongoDB: the catalog of products. The log is a change stream with post-images."""

    database: SqlName
    full: Backup
    log: Log


class Redis(Model):
    """Redis: carts and sessions. Every `snapshot` is complete, so there is no log."""

    full: Backup
    snapshot: Backup


class Files(Model):
    """Files that applications keep; a deletion never propagates into a copy."""

    full: Backup


class Configuration(Model):
    """Cluster objects and settings, as they can be applied again."""

    full: Backup


class Datasets(Model):
    """What is copied and promoted."""

    postgres: Postgres
    mongo: Mongo
    redis: Redis
    files: Files
    configuration: Configuration


class Service(Model):
    """Replicas at the DR site: `warm` while production lives, `full` after a promotion."""

    warm: int = Field(ge=1, le=100)
    full: int = Field(ge=1, le=100)

    @model_validator(mode="after")
    def _warm_not_above_full(self) -> Self:
        if self.warm > self.full:
            raise ValueError("warm must not exceed full")
        return self


class Strategies(Model):
    """The recovery time each strategy stands for, as UltraMarket's original document asks."""

    hot: Duration
    warm: Duration
    cold: Duration


class Notify(Model):
    """Who is told, by e-mail address: of every promotion, and of copies or checks that fail."""

    promotion: list[Address] = Field(min_length=1)
    alerts: list[Address] = Field(min_length=1)


class Plan(Model):
    """The whole plan. `digest` names exactly this content in manifests, bundles and journals."""

    objectives: Objectives
    strategy: StrategyName
    strategies: Strategies
    sites: Sites
    time_zone: str
    dns: Dns
    lease: LeaseTerms
    datasets: Datasets
    services: dict[KubernetesName, Service]
    notify: Notify

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"expected an IANA time zone such as Asia/Tashkent, found {value!r}") from None
        return value

    @field_validator("services")
    @classmethod
    def _the_services(cls, value: dict[str, Service]) -> dict[str, Service]:
        if not value:
            raise ValueError(f"expected services with warm and full replicas; UltraMarket runs {', '.join(SERVICES)}")
        return value

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON form, hexadecimal."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    def site(self, name: SiteName) -> Site:
        """The site called `name`."""
        return self.sites.prod if name == "prod" else self.sites.dr
