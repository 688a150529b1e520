"""What giving a standby its dataset's log out of the bucket is, whatever the dataset.

What the lease says, and going on while it cannot be asked, are the same for all: `operations.copies.serve_log`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Protocol

from recovery.errors import DrError, Refused
from recovery.lease.lease import Lease
from recovery.ports.buckets import ObjectStore


class Listening(Protocol):
    """At work at its address."""

    def serve_forever(self) -> None: ...


class ServedLog(Protocol):
    """How a standby in the same Pod gets its log."""

    dataset: str

    def listening(
        self,
        store: ObjectStore,
        lease: Callable[[], Lease | None],
        address: tuple[str, int],
        *,
        trouble: Callable[[DrError], None],
    ) -> AbstractContextManager[Listening]:
        """`lease` is what it says now, None while it is not known; of nobody else's log anything is given. Raises
        OSError when the address is in use."""
        ...


SERVED = {"postgres": ("engines.postgres.log_server", "ServedPostgresLog")}
"""By dataset, where it is: not in `engines.registry`, which loads all engines. The process that looks after the server
asks here, and stays small."""


def require_served(dataset: str) -> None:
    """Raises Refused naming what there is. Loads nothing."""
    if dataset not in SERVED:
        raise Refused(f"{dataset} has no log that can be served", next_step=f"name one of: {', '.join(SERVED)}")


def served_log_of(dataset: str) -> ServedLog:
    """How a standby of the dataset gets its log. Raises Refused as `require_served`."""
    require_served(dataset)
    module, name = SERVED[dataset]
    return getattr(import_module(module), name)()
