"""What a promotion restores first: the newest of the bucket at a cold site, or the database of a moment after
corruption. Pure: what is wanted, what it takes, and what proves that it is there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from recovery.copies.log import SEGMENT_BYTES
from recovery.copies.server_order import ServerOrder
from recovery.copies.standby_set import StandbySetState
from recovery.failover.history import History
from recovery.lease.lease import format_lsn, parse_lsn
from recovery.ports.standby import StandbyState
from recovery.term import Term

LATEST = "latest"


@dataclass(frozen=True)
class Wish:
    """What was asked for. `to`: a time or a position, the last at which all was well; empty: the newest there is."""

    to: str = ""

    @property
    def corruption(self) -> bool:
        """Whether everything since a moment is to be given up, whoever holds the lease."""
        return bool(self.to)

    @property
    def asked(self) -> str:
        """In the words of an order."""
        return self.to or LATEST

    @property
    def command(self) -> str:
        """How it is typed."""
        return f"dr promote --after corruption --to {self.to}" if self.to else "dr promote"


@dataclass(frozen=True, kw_only=True)
class PlannedRestore:
    """A restore out of the bucket. `to` is its very point. Replay ends at position `end`; up to `until` nothing is
    missing. `rows`: what it reads and does, for people, by how a size is written."""

    to: str
    end: int
    until: datetime
    system_identifier: str
    timeline: int
    objects: int
    stored_bytes: int
    disk_bytes: int
    disk_free: int
    terms: tuple[Term, ...]
    rows: Callable[[Callable[[int], str]], Sequence[tuple[str, str]]]
    window: str
    passed_over: tuple[str, ...] = ()
    archived: str = ""  # what cannot be read now, in words

    @property
    def seconds(self) -> float:
        """Of all terms."""
        return sum(term.seconds for term in self.terms)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "to": self.to,
            "until": self.until.isoformat(),
            "log_end": format_lsn(self.end),
            "objects": self.objects,
            "stored_bytes": self.stored_bytes,
            "disk_bytes": self.disk_bytes,
            "disk_free": self.disk_free,
            "forecast_seconds": round(self.seconds, 3),
            "window": self.window.splitlines(),
            "passed_over": list(self.passed_over),
        }

    def as_standby(self) -> StandbyState:
        """What the restored server will say of itself, for a forecast."""
        return StandbyState(
            in_recovery=True,
            system_identifier=self.system_identifier,
            timeline=self.timeline,
            receive_lsn=self.end,
            replay_lsn=self.end,
            replay_paused=False,
            streaming=False,
            last_replayed_at=self.until,
            server_version="",
            client_connection_check=True,
        )


class Planner(Protocol):
    """The bucket's word on a restore onto the standby's disk."""

    @property
    def accepts(self) -> str:
        """The version whose incremental backups are trusted."""
        ...

    def plan(self, to: str, disk_bytes: int) -> PlannedRestore:
        """Raises Refused, with what can be restored, for a point that cannot be reached and a disk that is too small;
        Unreachable, Corrupt."""
        ...


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """A restore as the journal keeps it. `since`: what was ordered after it is lost on purpose; None for the newest.
    `seconds`: how long it was forecast to take."""

    order: ServerOrder
    since: datetime | None = None
    seconds: float = 0.0

    @property
    def lost_seconds(self) -> float:
        """How much time was given up when it was asked for."""
        return max(0.0, (self.order.at - self.since).total_seconds()) if self.since else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        order = self.order
        return {
            "asked": order.asked,
            "to": order.to,
            "at": order.at.isoformat(),
            "accepts": order.accepts,
            "replaces": order.replaces,
            "since": self.since.isoformat() if self.since else None,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def of(cls, history: History) -> "Ordered | None":
        """What the run restores first; None when it restores nothing."""
        kept: Mapping[str, Any] = history.begun.get("restore") or {}
        if not kept:
            return None
        order = ServerOrder(
            asked=kept["asked"],
            to=kept["to"],
            at=datetime.fromisoformat(kept["at"]),
            accepts=kept["accepts"],
            replaces=kept["replaces"],
        )
        since = datetime.fromisoformat(kept["since"]) if kept["since"] else None
        return cls(order=order, since=since, seconds=float(kept["seconds"]))


@dataclass(frozen=True, kw_only=True)
class Restoring:
    """What is restored before the promotion begins: the order, what it takes, and what the cluster has now."""

    ordered: Ordered
    planned: PlannedRestore
    cluster: StandbySetState

    @property
    def under_way(self) -> bool:
        """Whether the cluster has this order already."""
        return self.cluster.order == self.ordered.order


def pinned_to(history: History) -> str:
    """The point that the run's database is pinned to; empty for one that follows."""
    found = Ordered.of(history)
    return found.order.to if found else ""


def suits(history: History, wish: Wish | None) -> bool:
    """Whether a run is what is wished for, so that it may be gone on with."""
    if history.given_up:
        return False
    found = Ordered.of(history)
    if wish and wish.corruption:
        return found is not None and found.order.asked == wish.asked
    return found is None or not found.order.to


def astray(state: StandbyState, to: str) -> str:
    """What speaks, by the server's own word, against its being the restore pinned to position `to`; empty when nothing
    does. Whoever has other data is never promoted in its place.

    A restored server stands at its point, but for the records that its recovery ended with: far less than a segment,
    and nothing is added to them.
    """
    if state.pinned != to:
        says = f"is pinned to {state.pinned}" if state.pinned else "is no pinned restore"
        return f"says that it {says}, wanted is {to}"
    if abs(state.replay_lsn - parse_lsn(to)) >= SEGMENT_BYTES:
        return f"has replayed up to {format_lsn(state.replay_lsn)}, which no restore to {to} has"
    if state.streaming:
        return "follows another server"
    return ""
