"""What tries at production, every hour, to get past the gate as an application would."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.identity import declare_identity
from components.runner_pod import on_schedule, runner_pod
from components.runners import Runners
from recovery.lease.wall import SCHEDULE, TIME_LIMIT
from recovery.names import WALL_LABEL

_HISTORY = 1


@dataclass(frozen=True, kw_only=True)
class WallCheckArgs:
    """`database` is the primary's own address, host:port, not the gate's."""

    at: Runners
    database: str


class WallCheck(pulumi.ComponentResource):
    """`dr check wall` as a CronJob at production; at the DR site the monitor does it.

    Its label is no other runner's: those a network policy lets through to the primary, and this Pod has to be as far
    from it as an application is. It has no login, since pg_hba.conf decides before PostgreSQL asks for a password. Its
    role writes one item of the control table and reads another, the report of production's guard: a network policy that
    works answers with silence, and that the guard logs in shows that the database lives. A check that fails or never
    runs is told by what is kept growing old.
    """

    def __init__(self, name: str, args: WallCheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:WallCheck", name, None, opts)
        identified = declare_identity(name, args.at, "wall", self)
        pod = runner_pod(
            "wall",
            ["dr", "check", "wall", "--inside"],
            args.at,
            "wall",
            labels=WALL_LABEL,
            environment={"DR_DATABASE": args.database},
        )
        k8s.batch.v1.CronJob(
            f"{name}-job",
            metadata=workload.metadata("dr-wall", args.at.namespace),
            spec=on_schedule(SCHEDULE, pod, start_deadline=TIME_LIMIT, time_limit=TIME_LIMIT, history=_HISTORY),
            opts=as_child(self, depends_on=identified),
        )
        self.register_outputs({})
