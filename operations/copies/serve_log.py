"""`dr serve-log`: the DR bucket's log for the standby in the same Pod."""

import time
from collections.abc import Callable
from datetime import timedelta

from engines.serving import ServedLog
from recovery.errors import DrError
from recovery.lease.lease import Lease
from recovery.ports.buckets import ObjectStore
from recovery.ports.control_table import LeaseStore


class Vouching:
    """What the lease says, read again when it is older than `renewal`. When it cannot be read, what it said last: a
    standby must get its log while the control table is away."""

    def __init__(self, leases: LeaseStore, renewal: timedelta, trouble: Callable[[DrError], None]) -> None:
        self._leases, self._renewal, self._trouble = leases, renewal.total_seconds(), trouble
        self._known: Lease | None = None
        self._read_at = float("-inf")

    def now(self) -> Lease | None:
        """None before it could be read for the first time."""
        if time.monotonic() - self._read_at > self._renewal:
            try:
                self._known = self._leases.read()
            except DrError as error:
                self._trouble(error)
            self._read_at = time.monotonic()
        return self._known


def serve(
    log: ServedLog,
    store: ObjectStore,
    leases: LeaseStore,
    address: tuple[str, int],
    *,
    renewal: timedelta,
    trouble: Callable[[DrError], None],
) -> None:
    """Until the process ends. Raises OSError when the address is in use."""
    vouching = Vouching(leases, renewal, trouble)
    with log.listening(store, vouching.now, address, trouble=trouble) as listening:
        listening.serve_forever()
