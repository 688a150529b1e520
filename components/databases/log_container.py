"""The container beside the standby that gives it its log out of the DR bucket."""

from typing import TYPE_CHECKING

from components import workload
from components.runners import Runners
from recovery.names import LOG_CONTAINER, LOG_PORT, OWN_LOOPBACK
from recovery.site.capacity import LOG_SERVER, SHIPPER_ALLOCATOR

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


def log_container(at: Runners) -> "core.ContainerArgsDict":
    """`dr serve-log postgres`, on an address that only its own Pod reaches: it asks nobody who he is. No probe, and a
    process that does not end: a container that is not ready would take the Pod out of the gate's Service."""
    uid = workload.runner_uid()
    reads = {workload.READ_AT_START: at.names.plan.digest_of("lease", "sites")}
    return {
        "name": LOG_CONTAINER,
        "image": at.image,
        "command": ["dr", "serve-log", "postgres", "--listen", f"{OWN_LOOPBACK}:{LOG_PORT}"],
        "env": workload.variables(at.environment | SHIPPER_ALLOCATOR | reads),
        "resources": workload.limits(LOG_SERVER),
        "security_context": {**workload.container_security(), "run_as_user": uid, "run_as_group": uid},
        "volume_mounts": workload.runner_mounts(),
    }
