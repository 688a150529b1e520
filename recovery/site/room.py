"""Whether the services' Pods fit on the nodes that are there. Pure arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass

from recovery.plan.plan import Service
from recovery.ports.cluster import ClusterRoom, Room


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Pods still to be placed, and how many of them find no node: until traffic may move, and until full size."""

    least: int
    least_homeless: int
    full: int
    full_homeless: int
    asked: Room  # by all of `full`
    free: Room  # on all nodes that take Pods
    nodes: int
    closed: Mapping[str, str]

    def words(self) -> str:
        """The figures."""
        left_out = "".join(f"; not counted: {name} ({why})" for name, why in self.closed.items())
        asked, free = _amount(self.asked), _amount(self.free)
        return f"full size asks for {asked} more, {self.nodes} nodes have {free} free{left_out}"


def fit(services: Mapping[str, Service], room: ClusterRoom) -> Fit:
    """Places Pod by Pod, the largest first, on the first node that has room, as many as traffic needs before the rest.

    Where all Pods ask for the same this is exact; else a scheduler may do a little better or worse.
    """
    nodes = dict(room.free)
    placed = {name: room.placed.get(name, 0) for name in services}
    least = _pods(room, {name: each.least - placed[name] for name, each in services.items()})
    rest = {name: each.full - max(placed[name], each.least) for name, each in services.items()}
    more = _pods(room, rest)
    least_homeless = homeless(nodes, least)
    full_homeless = least_homeless + homeless(nodes, more)
    return Fit(
        least=len(least),
        least_homeless=least_homeless,
        full=len(least) + len(more),
        full_homeless=full_homeless,
        asked=_sum([*least, *more]),
        free=_sum(list(room.free.values())),
        nodes=len(room.free),
        closed=room.closed,
    )


def _pods(room: ClusterRoom, wanted: Mapping[str, int]) -> list[Room]:
    return [room.sizes[name] for name, count in wanted.items() if name in room.sizes for _ in range(count)]


def homeless(nodes: dict[str, Room], pods: list[Room]) -> int:
    """How many of `pods` find no node. What the others take is taken from `nodes`."""
    largest_first = sorted(pods, key=lambda pod: (pod.millicores, pod.mebibytes), reverse=True)
    return sum(not _place(nodes, pod) for pod in largest_first)


def _place(nodes: dict[str, Room], pod: Room) -> bool:
    for name, free in nodes.items():
        if free.millicores >= pod.millicores and free.mebibytes >= pod.mebibytes and free.pods >= 1:
            nodes[name] = Room(
                millicores=free.millicores - pod.millicores,
                mebibytes=free.mebibytes - pod.mebibytes,
                pods=free.pods - 1,
            )
            return True
    return False


def _sum(rooms: list[Room]) -> Room:
    return Room(
        millicores=sum(each.millicores for each in rooms),
        mebibytes=sum(each.mebibytes for each in rooms),
        pods=sum(each.pods for each in rooms),
    )


def _amount(room: Room) -> str:
    return f"{room.pods} Pods, {room.millicores:,}m CPU, {room.mebibytes:,} MiB"
