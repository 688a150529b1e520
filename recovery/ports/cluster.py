"""The DR site's Kubernetes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class DeploymentState:
    """Replicas of one Deployment and why any are missing."""

    name: str
    wanted: int
    ready: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Room:
    """What Pods ask for, or what is free for them: CPU in thousandths of a core, memory in MiB, Pods."""

    millicores: int
    mebibytes: int
    pods: int


@dataclass(frozen=True, kw_only=True)
class ClusterRoom:
    """What is `free` on every node that takes new Pods, and why the others are `closed`. By Deployment: how many of its
    Pods are `placed` on those nodes, and what one of them asks for."""

    free: Mapping[str, Room]
    closed: Mapping[str, str]
    placed: Mapping[str, int]
    sizes: Mapping[str, Room]


@dataclass(frozen=True, kw_only=True)
class GuardState:
    """The guard beside the DR site's database, as its cluster sees it, and why it does not run."""

    running: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedJob:
    """A Job that its cluster has given up, and when."""

    name: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ScheduledJobs:
    """A CronJob: since when a Job of it is running, when one succeeded last, and the last one that failed."""

    name: str
    since: datetime  # of its own, UTC
    schedule: str
    suspended: bool
    running_since: datetime | None
    succeeded: datetime | None
    failed: FailedJob | None


class Cluster(Protocol):
    """The DR cluster, in one namespace."""

    def server(self) -> str:
        """The API server that the kubeconfig names. Raises Refused."""
        ...

    def identity(self) -> dict[str, str]:
        """Annotations of the namespace that say which site this is."""
        ...

    def deployments(self) -> dict[str, DeploymentState]: ...

    def room(self) -> ClusterRoom:
        """What the nodes have left for Pods, whatever already runs on them."""
        ...

    def scheduled_jobs(self) -> tuple[ScheduledJobs, ...]:
        """Every CronJob, and what became of its Jobs."""
        ...

    def disk_bytes(self, claim: str) -> int:
        """The size of a claim's volume."""
        ...

    def guard(self) -> GuardState | None:
        """None when no Pod has a guard in it."""
        ...

    def scale(self, name: str, replicas: int) -> None: ...

    def may_scale(self) -> bool:
        """Whether these credentials may scale Deployments here, by the cluster's own word."""
        ...
