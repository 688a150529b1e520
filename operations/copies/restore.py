"""A restore, whatever the dataset: looking, asking for what lies in an archive, and doing what was shown."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from engines.registry import require, restore_of
from engines.restoring import Restored, RestoreOrder
from operations.copies.outside import handed
from recovery.copies.retrieval import KEPT_DAYS, Archived
from recovery.errors import Refused
from recovery.ports.buckets import RestoreBucket


def plan_restore(
    store: RestoreBucket,
    dataset: str,
    to: str,
    into: Any,
    *,
    environment: Mapping[str, str],
    incrementals: bool = True,
    standby: bool = False,
) -> RestoreOrder:
    """Look at the bucket and the target; nothing is changed. Every moment can be reached without `incrementals`; a
    `standby` goes on from there by itself.

    Raises Refused, with what can be restored, for a point that cannot be reached or a target that is not empty."""
    engine = handed(restore_of(dataset))
    require(f"a restore of {dataset}", environment, tools=engine.programs)
    return engine.plan(store, to, into, environment=environment, incrementals=incrementals, standby=standby)


def execute(
    store: RestoreBucket,
    order: RestoreOrder,
    *,
    environment: Mapping[str, str],
    owner: int | None,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Do what `order` says. Raises Refused while some of it cannot be read, and what its engine raises."""
    require_readable(order)
    engine = handed(restore_of(order.dataset))
    return engine.execute(store, order, environment=environment, owner=owner, heard=heard)


class Reads(Protocol):
    """Something that is to be done with copies, some of which may lie in an archive."""

    @property
    def archived(self) -> Archived: ...


def require_readable(order: Reads) -> None:
    """Raises Refused while some of what is needed lies in an archive."""
    if order.archived:
        raise Refused(
            f"what is needed cannot be read yet: {order.archived.words()}",
            next_step="ask for it with --retrieve, and run this again when it is there"
            if order.archived.unasked
            else "run this again when it is there; or restore from a newer backup (`dr backups`)",
        )


def retrieve(store: RestoreBucket, order: Reads) -> None:
    """Ask for readable copies of what `order` needs and nobody asked for yet (fault 56)."""
    for each in order.archived.unasked:
        store.retrieve(each.key, days=KEPT_DAYS)
