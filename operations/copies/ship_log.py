"""Follow the log of the site that holds the lease, for as long as it does; else wait.

Not to know who holds the lease stops no shipper that was at work: what it writes carries its epoch, and a gap in the
log would cost more. It begins only when it knows.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engines.shipping import Heard, Log, OtherBytes, Terms
from recovery.errors import DrError, LeaseRefused
from recovery.lease.lease import Lease, moved
from recovery.plan.sites import SiteName
from recovery.ports.buckets import LogBucket

if TYPE_CHECKING:
    from recovery.ports.control_table import LeaseStore

_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, kw_only=True)
class ShippingOrder:
    """`site` ships under the lease, which is looked at every `renewal`."""

    site: SiteName
    terms: Terms
    renewal: timedelta


class Shipper:
    """`run` until `end` is called, from a signal's handler or another thread."""

    def __init__(
        self,
        log: Log,
        order: ShippingOrder,
        store: LogBucket,
        leases: "LeaseStore",
        *,
        clock: Callable[[], datetime],
        heard: Heard,
    ) -> None:
        self._log, self._order, self._store, self._leases = log, order, store, leases
        self._clock, self._heard = clock, heard
        self._ended = threading.Event()

    def end(self) -> None:
        """Store what has come and end."""
        self._ended.set()

    def run(self) -> None:
        """Raises OtherBytes: two servers have written the same place, and going on would choose one of them."""
        waiting, failures = "", 0
        while not self._ended.is_set():
            try:
                lease = self._leases.read()
                if lease is None or lease.site != self._order.site or lease.state != "held":
                    words = _waits(lease, self._order.site)
                    if words != waiting:
                        self._heard.says(words)
                    waiting, failures = words, 0
                    self._ended.wait(self._order.renewal.total_seconds())
                    continue
                waiting = ""
                self._ship(lease)
                failures = 0
            except OtherBytes:
                raise
            except DrError as error:
                failures += 1
                self._heard.trouble(error)
                self._ended.wait(random.uniform(0.2, min(_LONGEST_PAUSE, 0.5 * 2**failures)))  # noqa: S311

    def _ship(self, lease: Lease) -> None:
        watch = _Watch(self._leases, lease, self._order.renewal, self._ended)
        try:
            self._log.ship(
                self._store,
                lease,
                self._order.terms,
                clock=self._clock,
                heard=self._heard,
                stop=lambda: self._ended.is_set() or watch.moved,
            )
        finally:
            watch.close()
        if watch.moved:
            raise LeaseRefused(
                f"the lease is no longer {lease.site}'s in epoch {lease.epoch}: this shipper has stopped",
                next_step="none: the site with the lease ships the log (`dr lease show`)",
            )


class _Watch:
    """Looks at the lease beside the work. `moved`: it is known to be somebody else's, or of another epoch."""

    def __init__(self, leases: "LeaseStore", seen: Lease, every: timedelta, ended: threading.Event) -> None:
        self.moved = False
        self._leases, self._seen, self._every, self._ended = leases, seen, every, ended
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._every.total_seconds()):
            try:
                lease = self._leases.read()
            except DrError:
                continue
            if moved(lease, self._seen):
                self.moved = True
                return


def _waits(lease: Lease | None, site: SiteName) -> str:
    if lease is None:
        return "waiting: the site lease was never initialised"
    return f"waiting: the lease is {lease.state} by site {lease.site} in epoch {lease.epoch}, this is site {site}"
