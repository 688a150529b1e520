"""SIGTERM and Ctrl-C end a promotion between two effects, with everything written down."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from recovery.errors import Failed


class Interrupted(Failed):
    """Somebody asked this process to end."""


class Interrupt:
    """Within it the signals only set a flag; `sleep` ends early and `check` raises Interrupted. A second one kills."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._name = ""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._restore()

    def sleep(self, seconds: float) -> None:
        """Sleep, or until asked to end."""
        self._asked.wait(seconds)

    def check(self) -> None:
        """Raises Interrupted when asked to end."""
        if self._asked.is_set():
            raise Interrupted(
                f"interrupted by {self._name}; everything done so far is in the journal",
                next_step="run the same command with --execute again: it resumes where this ended",
            )

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._name = signal.Signals(number).name
        self._asked.set()
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
