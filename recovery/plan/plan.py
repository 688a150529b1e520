"""The recovery plan: `recovery.yaml` as frozen models. A number of the plan stands here and nowhere else.

The datasets are in `recovery.plan.datasets`, rules between fields in `recovery.plan.consistency`; both are checked with
every field.
"""

import hashlib
import json
from functools import reduce
from typing import Any, Literal, LiteralString, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from recovery.plan.consistency import broken_rules
from recovery.plan.datasets import Backup as Backup
from recovery.plan.datasets import Datasets
from recovery.plan.datasets import Retention as Retention
from recovery.plan.fields import AccountId, Address, DnsName, KubernetesName, Model, Region
from recovery.plan.sites import SITES as SITES
from recovery.plan.sites import SiteName as SiteName
from recovery.units import Duration, Share, Size

StrategyName = Literal["warm", "cold", "hot"]
# UltraMarket's six services, in the order of the original document.
SERVICES = ("auth", "user", "product", "order", "payment", "cart")


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
    """The public name, the hosted zone it lies in, and how fast it can move."""

    name: DnsName
    zone: DnsName
    ttl: Duration
    health_check: HealthCheck


class LeaseTerms(Model):
    """Who may write: `duration` the promise holds, `renewal` between renewals, `margin` added by whoever takes it."""

    duration: Duration
    renewal: Duration
    margin: Duration


class Service(Model):
    """Replicas at the DR site: `warm` while production lives, `full` after a promotion. Traffic moves as soon as
    `least` are ready, and scaling goes on; by default all of them."""

    warm: int = Field(ge=0, le=100)
    full: int = Field(ge=1, le=100)
    least: int = Field(default_factory=lambda data: data["full"], ge=1, le=100)


class Strategies(Model):
    """The recovery time each strategy stands for, as UltraMarket's original document asks."""

    hot: Duration
    warm: Duration
    cold: Duration


class Notify(Model):
    """Who is told, by e-mail address: of every promotion, and of copies or checks that fail."""

    promotion: list[Address] = Field(min_length=1, max_length=50)
    alerts: list[Address] = Field(min_length=1, max_length=50)


class Sizes(Model):
    """A size, or bytes a second, for each dataset."""

    postgres: Size
    mongo: Size
    redis: Size
    files: Size
    configuration: Size


class LogSizes(Model):
    """A size for each dataset that has a log."""

    postgres: Size
    mongo: Size


class Assumptions(Model):
    """What nobody has measured yet. The budget marks every figure that rests on one of these."""

    notice: Duration  # from the fault to the first alarm
    decide: Duration  # from the alarm to the word of the person who may say it
    choose_moment: Duration  # data corrupted: finding the last good moment
    pods: Duration  # the services' Pods, from asked for to ready at their least
    build_site: Duration  # a DR site from nothing, or a cold one made ready
    replica_lag: Duration  # an asynchronous replica behind its primary
    log_upload: Duration  # a piece of the log, sent and durable in the bucket
    size: Sizes
    restore_per_second: Sizes
    log_per_day: LogSizes
    guard_restarts_per_month: int = Field(ge=0, le=10_000)
    switchovers_per_month: int = Field(ge=0, le=1_000)


class Plan(Model):
    """The whole plan. `digest` names exactly this content in manifests, bundles and journals."""

    objectives: Objectives
    strategy: StrategyName
    strategies: Strategies
    sites: Sites
    backup_account: AccountId | None = None
    time_zone: str
    dns: Dns
    lease: LeaseTerms
    datasets: Datasets
    services: dict[KubernetesName, Service] = Field(max_length=100)
    notify: Notify
    assumptions: Assumptions

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"expected an IANA time zone such as Asia/Tashkent, found {value!r}") from None
        return value

    @field_validator("services")
    @classmethod
    def _the_services(cls, value: dict[str, Service]) -> dict[str, Service]:
        if not value:
            raise ValueError(f"expected services with warm and full replicas; UltraMarket runs {', '.join(SERVICES)}")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _fields_and_rules(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Rules between fields are checked even when other fields are wrong, so that one run tells everything."""
        plan: Self | None = None
        errors: list[InitErrorDetails] = []
        wrong: set[tuple[str, ...]] = set()
        try:
            plan = handler(value)
        except ValidationError as error:
            for item in error.errors():
                if item["type"] == "default_factory_not_called":  # follows from another error, which is told
                    continue
                wrong.add(tuple(str(part) for part in item["loc"] if part != "[key]"))
                errors.append(_error(item["type"], item["msg"], item["loc"], item["input"]))
        for path, message in broken_rules(value, wrong):
            errors.append(_error("value_error", message, path, None))
        if plan is None or errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return plan

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON form, hexadecimal."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    def digest_of(self, *parts: str) -> str:
        """Names the content of some parts alone, each a dotted path: what runs for long is restarted when these change.

        `plan.digest_of("lease", "datasets.postgres.database")`. Raises KeyError for a part that no plan has.
        """
        whole = self.model_dump(mode="json")
        found = [reduce(lambda value, key: value[key], part.split("."), whole) for part in parts]
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:10]

    def site(self, name: SiteName) -> Site:
        """The site called `name`."""
        return self.sites.prod if name == "prod" else self.sites.dr


def _error(kind: str, message: str, path: tuple[int | str, ...], found: Any) -> InitErrorDetails:
    text = PydanticCustomError(cast("LiteralString", kind), "{message}", {"message": message})
    return InitErrorDetails(type=text, loc=path, input=found)
