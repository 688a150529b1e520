"""The base of every part of the plan, and the types of its fields."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from recovery.plan.file_patterns import problem
from recovery.plan.schedules import parse_schedule
from recovery.units import shown


class Model(BaseModel):
    """Frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _cron(value: str) -> str:
    parse_schedule(value)
    return value


def _account(value: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", value):
        raise ValueError(f"expected the 12 digits of an AWS account in quotes, found {shown(value)}")
    return value


def _pattern(value: str) -> str:
    if found := problem(value):
        raise ValueError(f"{found}; found {shown(value)}")
    return value


def once(value: tuple[str, ...]) -> tuple[str, ...]:
    """A list as it is. Raises ValueError when something is in it twice."""
    if again := next((each for number, each in enumerate(value) if each in value[:number]), None):
        raise ValueError(f"{shown(again)} stands there twice")
    return value


def _cluster_object(value: str) -> str:
    """As RBAC names it. Names of roles may have colons; none has a slash, or is a step in a path."""
    resource, _, name = value.partition("/")
    if not re.fullmatch(r"[a-z]+(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", resource) or not re.fullmatch(
        r"[A-Za-z0-9]([-A-Za-z0-9.:_]*[A-Za-z0-9])?", name
    ):
        raise ValueError(
            f"expected RESOURCE.GROUP/NAME, such as storageclasses.storage.k8s.io/gp3; found {shown(value)}"
        )
    if resource == "secrets":
        raise ValueError("Secrets lie in namespaces; those of the site's own are copied without being named")
    return value


Cron = Annotated[str, AfterValidator(_cron)]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
DnsName = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$", max_length=253)]
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
AccountId = Annotated[str, AfterValidator(_account)]
SqlName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
Folder = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$", max_length=200)]
Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_pattern)]
KindName = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$", max_length=253)]
ClusterObject = Annotated[str, AfterValidator(_cluster_object)]
Sentence = Annotated[str, Field(min_length=10, max_length=300)]
