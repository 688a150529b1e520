"""The init container of the standby's Pod that fills an empty volume, as its server's user."""

from typing import TYPE_CHECKING

import pulumi

from components import workload
from components.runners import Runners
from recovery.names import ACCEPTED_INCREMENTALS, STANDBY_ORDER
from recovery.site.capacity import Size

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

FILL_FILE_NAME = "fill.sh"
# A primary that is started anew, after a crash as well, is back by then as a rule. What comes out of the bucket follows
# it later all the same, so nothing is lost by giving up too early but reading the bucket.
_PATIENCE_SECONDS = 60


def fill_container(
    at: Runners,
    *,
    script: str,
    environment: dict[str, pulumi.Input[str]],
    password: "core.EnvVarArgsDict",
    size: Size,
    mounts: "list[core.VolumeMountArgsDict]",
) -> "core.ContainerArgsDict":
    """The runner, which has PostgreSQL's programs and the bucket; `environment` and `password` are the server's own,
    `script` is where `mounts` have it. As large as the server, which starts after it: the Pod asks for no more by it.
    How it failed is in its status."""
    patience = {"PRIMARY_PATIENCE_SECONDS": str(_PATIENCE_SECONDS)}
    return {
        "name": "fill",
        "image": at.image,
        "command": ["bash", script],
        "env": [
            *workload.variables({**at.environment, **environment, **patience}),
            password,
            _ordered("ORDER_ASKED", "asked"),
            _ordered("ORDER_TO", "to"),
            _ordered(ACCEPTED_INCREMENTALS, "accept_incrementals_of"),
        ],
        "termination_message_policy": "FallbackToLogsOnError",
        "resources": workload.limits(size),
        "security_context": workload.container_security(),
        "volume_mounts": [*mounts, *workload.runner_mounts()],
    }


def _ordered(variable: str, key: str) -> "core.EnvVarArgsDict":
    """A variable from what a promotion wrote; without an order there is none."""
    reference: core.ConfigMapKeySelectorArgsDict = {"name": STANDBY_ORDER, "key": key, "optional": True}
    return {"name": variable, "value_from": {"config_map_key_ref": reference}}
