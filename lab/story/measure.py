"""What happened, seen from outside: the customers' ledger, queries, and observers that poll what anybody could poll.

Times are seconds of the monotonic clock, which all processes of a machine share.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lab.ultramarket.shop import Order


@dataclass(frozen=True)
class Change:
    """A new answer, and the two moments between which it came to be: the last look without it began at `after`, the
    look that saw it ended at `before`."""

    value: object
    after: float
    before: float


@dataclass
class Watch:
    """Polls `look` every `interval` seconds and keeps when its answer changed."""

    look: Callable[[], object]
    interval: float = 0.03
    changes: list[Change] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Watch":
        """Begin in a thread of its own."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread:
            self._thread.join(5)

    def first(self, wanted: object) -> Change | None:
        """When `wanted` was first seen."""
        return next((change for change in self.changes if change.value == wanted), None)

    def _run(self) -> None:
        last_began = time.monotonic()
        while not self._stop.wait(self.interval):
            began = time.monotonic()
            # What cannot be asked at the moment is no observation.
            with contextlib.suppress(Exception):
                value = self.look()
                if not self.changes or self.changes[-1].value != value:
                    self.changes.append(Change(value, last_began, time.monotonic()))
                last_began = began


def outage(orders: Iterable[Order], client: str) -> float:
    """Seconds from a client's last acknowledged order at production to its first at DR; -1 if there is none."""
    mine = [order for order in orders if order.client == client]
    first_dr = min((order.acked for order in mine if order.site == "dr"), default=None)
    last_prod = max((order.acked for order in mine if order.site == "prod"), default=None)
    return round(first_dr - last_prod, 2) if first_dr is not None and last_prod is not None else -1.0


def first_at_dr(orders: Iterable[Order], client: str) -> float | None:
    """When a client's first order was acknowledged at DR."""
    return min((o.acked for o in orders if o.client == client and o.site == "dr"), default=None)


def lost(orders: Sequence[Order], stored: set[str]) -> list[Order]:
    """Orders that were acknowledged and are not in the database."""
    return [order for order in orders if order.id not in stored]
