"""What Ctrl-C, SIGTERM and SIGHUP do: before a command runs, and while it does. Standard library only."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], Any]


class Ended(BaseException):
    """A signal asked this process to end; raised where it was, so that what is open is closed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def ending_at_once(*, for_good: bool) -> AbstractContextManager[None]:
    """While modules load: the process ends. `for_good`: also after, since it is about to."""
    return _signals(dict.fromkeys(_ENDING, _leave), for_good=for_good)


@contextmanager
def interruptible() -> Iterator[None]:
    """While a command runs: Ctrl-C raises KeyboardInterrupt, SIGTERM and SIGHUP raise Ended."""
    with _signals({signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _end, signal.SIGHUP: _end}):
        yield


@contextmanager
def _signals(handlers: dict[signal.Signals, _Handler], *, for_good: bool = False) -> Iterator[None]:
    """Handle signals that are not ignored (nohup), and put back what was there, unless the process ends here."""
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        if not for_good:
            for number, handler in before.items():
                signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    """At once: nothing was begun, and there is no clean way out of half an import."""
    os._exit(128 + number)


def _end(number: int, _frame: FrameType | None) -> None:
    raise Ended(number)
