"""How much of a large search a run of the tests makes: a sample each time, everything under `make soak`."""

import os
from typing import TypeVar

T = TypeVar("T")
SOAK = bool(os.environ.get("ULTRAMARKET_SOAK"))


def sample(cases: list[T], *, one_in: int, turn: int) -> list[T]:
    """Every `one_in`-th of the cases, beginning with number `turn`; under `make soak` all of them.

    Tests that look for the same kind of fault take turns, so that together they visit every case.
    """
    return cases if SOAK else cases[turn % one_in :: one_in]
