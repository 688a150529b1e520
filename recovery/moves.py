"""The words of a promotion: its steps, what a turn sees, what the journal remembers, and the moves the rules choose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recovery.journal import Entry
from recovery.lease import Lease
from recovery.ports import DeploymentState, ServiceAnswer, StandbyState


@dataclass(frozen=True, kw_only=True)
class Step:
    """`after`: the steps that must be done first. `deadline`: seconds until it is given up, resumably."""

    name: str
    title: str
    after: tuple[str, ...]
    deadline: float


STEPS = (
    Step(name="lease", title="take the site lease", after=(), deadline=60),
    Step(name="scale", title="scale the services to full size", after=("lease",), deadline=300),
    Step(name="fence", title="wait until production can no longer write", after=("lease",), deadline=600),
    Step(name="postgres", title="promote PostgreSQL", after=("fence",), deadline=300),
    Step(name="hold", title="hold the lease, so that the gate may open", after=("postgres",), deadline=60),
    Step(name="write", title="write through the DR gate", after=("hold",), deadline=60),
    Step(name="services", title="verify the services on the DR edge", after=("write", "scale"), deadline=300),
    Step(name="traffic", title="move the public name", after=("services",), deadline=60),
    Step(name="name", title="verify the public name, per resolver", after=("traffic",), deadline=120),
)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Do this, after the intent is in the journal. `facts` go with the intent."""

    step: str
    verb: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Done:
    """The step is seen to be done."""

    step: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Look again in `seconds`."""

    step: str
    why: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Stop:
    """End here. `refused`: nothing was changed yet."""

    step: str
    what: str
    next_step: str
    refused: bool = False


Move = Act | Done | Wait | Stop


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the executor saw this turn. `clock` is monotonic seconds of this process, and so is what is compared."""

    clock: float
    started: Mapping[str, float]  # when each open step was first looked at by this process
    issued: frozenset[str] = frozenset()  # verbs performed by this process
    troubles: Mapping[str, str] = field(default_factory=dict[str, str])  # step → what did not answer
    failures: Mapping[str, int] = field(default_factory=dict[str, int])  # step → how often in a row
    errors: Mapping[str, str] = field(default_factory=dict[str, str])  # step → how its effect failed last
    lease: Lease | None = None
    ours_since: float | None = None  # when this process knew the lease to be ours
    old_site: str = ""  # "accepted", "refused", "silent"; empty: not asked
    standby: StandbyState | None = None
    announced: bool = False
    deployments: Mapping[str, DeploymentState] = field(default_factory=dict[str, DeploymentState])
    services: Mapping[str, ServiceAnswer | str] = field(default_factory=dict[str, ServiceAnswer | str])
    marker: bool = False
    resolvers: Mapping[str, ServiceAnswer | str] = field(default_factory=dict[str, ServiceAnswer | str])
    resolved_after: Mapping[str, float] = field(default_factory=dict[str, float])  # seconds since the marker


@dataclass(frozen=True)
class History:
    """What the journal says."""

    run: str
    begun: Mapping[str, Any]
    done: Mapping[str, Mapping[str, Any]]
    intents: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "History":
        """Fold the entries of one run."""
        begun = [entry.data for entry in entries if entry.kind == "begin"]
        return cls(
            run=entries[0].run if entries else "",
            begun=begun[-1] if begun else {},
            done={entry.step: entry.data for entry in entries if entry.kind == "done"},
            intents={str(entry.data.get("verb")): entry.data for entry in entries if entry.kind == "intent"},
        )

    @property
    def epoch(self) -> int:
        """The epoch this run created; 0 before it did."""
        return int(self.done.get("lease", {}).get("epoch_after", 0))

    @property
    def finished(self) -> bool:
        """All steps are done."""
        return all(step.name in self.done for step in STEPS)
