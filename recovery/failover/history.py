"""What a run's journal says: which steps are done, what was meant, and what was found undone after the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recovery.failover.journal import Entry


@dataclass(frozen=True)
class History:
    """The entries of one run, folded. `intents` are by step and verb; `steps` are those the run set out to do.
    `given_up`: nobody goes on with it."""

    run: str
    begun: Mapping[str, Any]
    done: Mapping[str, Mapping[str, Any]]
    intents: Mapping[tuple[str, str], Mapping[str, Any]]
    steps: tuple[str, ...] = ()
    given_up: bool = False

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "History":
        """Fold them. A heal opens steps again: what was done and meant before no longer counts for those."""
        begun: Mapping[str, Any] = {}
        done: dict[str, Mapping[str, Any]] = {}
        intents: dict[tuple[str, str], Mapping[str, Any]] = {}
        for entry in entries:
            if entry.kind == "begin":
                begun = entry.data
            elif entry.kind == "done":
                done[entry.step] = entry.data
            elif entry.kind == "intent":
                intents[entry.step, str(entry.data.get("verb"))] = entry.data
            elif entry.kind == "heal":
                opened = set(entry.data.get("steps", ()))
                done = {step: facts for step, facts in done.items() if step not in opened}
                intents = {key: facts for key, facts in intents.items() if key[0] not in opened}
        return cls(
            run=entries[0].run if entries else "",
            begun=begun,
            done=done,
            intents=intents,
            steps=tuple(begun.get("steps", ())),
            given_up=any(entry.kind == "given_up" for entry in entries),
        )

    @property
    def epoch(self) -> int:
        """The epoch this run created; 0 before it did."""
        return int(self.done.get("lease", {}).get("epoch_after", 0))

    @property
    def finished(self) -> bool:
        """All steps that the run set out to do are done; a later version's new steps do not open it again."""
        return bool(self.steps) and all(step in self.done for step in self.steps)
