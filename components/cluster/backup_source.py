"""What the Pods that copy a dataset need beside what every runner has: the way to the data, and room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.runner_pod import NOTHING
from recovery.names import BACKUP_LABEL
from recovery.site.capacity import RUNNER, Size

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


@dataclass(frozen=True, kw_only=True)
class Login:
    """A Secret `name` with a password, and the variable in which the engine looks for it."""

    name: str
    variable: str
    password: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class BackupSource:
    """Of one dataset at one site. `environment`: what its engine is told (`engines/`), never a password, which comes by
    `login`. `due`: whether it is looked every few minutes for a full one that is due before its time. `duty`: as whom
    it is copied. `labels`: by which network policies let its Pods to their server and to no other."""

    dataset: str
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=lambda: NOTHING)
    login: Login | None = None
    mounts: "Sequence[core.VolumeMountArgsDict]" = ()
    volumes: "Sequence[core.VolumeArgsDict]" = ()
    size: Size = RUNNER
    labels: dict[str, str] = field(default_factory=lambda: BACKUP_LABEL)
    due: bool = True
    duty: str = "writer"
