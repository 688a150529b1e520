"""Whether the nodes that are declared hold the site at full size, also while one of them is away. Arithmetic only.

A promotion adds Pods, not nodes; on the day of a failover one node may be in repair, in an upgrade, or in a lost zone.
What a cluster really has left is seen before every promotion (`recovery.site.room`).
"""

import re
from dataclasses import dataclass

from recovery.plan.plan import Plan
from recovery.ports.cluster import Room
from recovery.site.capacity import GUARD, KEYS_RUNNER, LOG_SERVER, RUNNER, SERVICE, SHIPPER, Size, redis_size
from recovery.site.room import homeless

_TYPE = re.compile(r"([cmr])\d[a-z0-9-]*\.(large|xlarge|2xlarge|4xlarge|8xlarge)")
_CORES = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32}
_GIBIBYTES_PER_CORE = {"c": 2, "m": 4, "r": 8}
# By addresses: https://github.com/awslabs/amazon-eks-ami, eni-max-pods.txt; EKS sets 110 where there are more.
_PODS = {"large": 29, "xlarge": 58, "2xlarge": 58, "4xlarge": 110, "8xlarge": 110}
# Kubelet's share as the EKS images reserve it: of the first core, the second, the next two, each further one.
_OF_CORES = (0.06, 0.01, 0.005, 0.005)
_OF_FURTHER = 0.0025
_KUBELET_MEBIBYTES, _A_POD, _EVICTION = 255, 11, 100
_VISIBLE = 0.95  # of the nominal memory; firmware and kernel have the rest
# As the add-ons ask in 2026-11. On every node: vpc-cni with its policy agent, kube-proxy, the EBS driver.
_ON_EACH = Size(millicores=180, mebibytes=130)
# Twice each: CoreDNS, the EBS driver's controller.
ONCE = (*(Size(millicores=100, mebibytes=70),) * 2, *(Size(millicores=60, mebibytes=240),) * 2)


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """So many nodes, each of one of these instance types."""

    count: int
    types: tuple[str, ...]


def shortage(plan: Plan, postgres: Size, nodes: Nodes, redis: Size | None = None) -> str:
    """Why full size does not fit on one node less than there are; empty when it does, or when a type is not known.
    Redis is as large as the plan says, unless `redis` is given."""
    rooms = [room for each in nodes.types if (room := node_room(each))]
    if len(rooms) < len(nodes.types) or not rooms:
        return ""
    least = min(rooms, key=lambda room: (room.millicores, room.mebibytes))
    pods = [
        *ONCE,
        Size(
            millicores=postgres.millicores + GUARD.millicores + LOG_SERVER.millicores,
            mebibytes=postgres.mebibytes + GUARD.mebibytes + LOG_SERVER.mebibytes,
        ),
        SHIPPER,
        redis or redis_size(plan),
        # The operator's workspace; the monitor's Job; the looks whether a backup is due, of the database and of
        # configuration, each of which may become that backup.
        *(RUNNER,) * 4,
        # The same look for Redis, and its snapshot.
        *(KEYS_RUNNER,) * 2,
        *(SERVICE for service in plan.services.values() for _ in range(service.full)),
    ]
    left = {f"node {number}": least for number in range(nodes.count - 1)}
    without = homeless(left, [Room(millicores=pod.millicores, mebibytes=pod.mebibytes, pods=1) for pod in pods])
    if not without:
        return ""
    return (
        f"full size needs {sum(pod.millicores for pod in pods):,}m CPU and {sum(pod.mebibytes for pod in pods):,} MiB; "
        f"{nodes.count - 1} nodes, which are left while one is replaced, have {least.millicores:,}m and "
        f"{least.mebibytes:,} MiB each, and {without} Pods find no place"
    )


def node_room(instance_type: str) -> Room | None:
    """What a node of this type has for Pods of ours; None for a type that is not known here."""
    found = _TYPE.fullmatch(instance_type)
    if not found:
        return None
    family, size = found.groups()
    cores, pods = _CORES[size], _PODS[size]
    kubelet = sum(_OF_CORES[:cores]) + _OF_FURTHER * max(0, cores - len(_OF_CORES))
    memory = int(_VISIBLE * 1024 * _GIBIBYTES_PER_CORE[family] * cores) - _KUBELET_MEBIBYTES - _A_POD * pods - _EVICTION
    return Room(
        millicores=round(1000 * (cores - kubelet)) - _ON_EACH.millicores,
        mebibytes=memory - _ON_EACH.mebibytes,
        pods=pods - 4,
    )
