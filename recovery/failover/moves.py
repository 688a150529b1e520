"""What the rules of a step may answer: act, done, wait, stop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
