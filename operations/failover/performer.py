"""One step's hands and eyes, for one process. A file each in `steps/`; what they see is judged in `recovery`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from operations.failover.asking import Asker
from recovery.failover.bundle import Bundle
from recovery.failover.moves import Act
from recovery.failover.step import Step, Turn

if TYPE_CHECKING:
    from operations.failover.ports import Ports


class Performer(ABC):
    """What it remembers is of this process alone: what must survive it belongs in the journal."""

    asks_cluster = False  # its look ahead asks the DR cluster

    def __init__(self, ports: "Ports", asker: Asker, clock: Callable[[], float]) -> None:
        self.ports, self.asker, self.clock = ports, asker, clock

    @abstractmethod
    def look(self, turn: Turn) -> object:
        """What the step's rules decide on: the type that the step `observes`. Raises DrError."""

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        """Each effect that the step may ask for. Repeating one does no harm. Raises DrError."""
        return {}

    def preview(self, bundle: Bundle) -> object:
        """A look ahead, before anything is done, for `Step.obstacles`. Raises DrError."""
        return None


def performers(
    steps: Sequence[Step[Any]], ports: "Ports", asker: Asker, clock: Callable[[], float]
) -> dict[str, Performer]:
    """Each step's, found by its name: `PERFORMER` in `steps/NAME.py`."""
    modules = {step.name: import_module(f"operations.failover.steps.{step.name}") for step in steps}
    return {name: module.PERFORMER(ports, asker, clock) for name, module in modules.items()}
