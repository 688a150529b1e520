"""The DR site's PostgreSQL, the log that it lacks, and its gate."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from recovery.lease.lease import Lease


@dataclass(frozen=True, kw_only=True)
class StandbyState:
    """A PostgreSQL server as a promotion sees it. Positions are bytes of WAL."""

    in_recovery: bool
    system_identifier: str
    timeline: int
    receive_lsn: int
    replay_lsn: int
    replay_paused: bool
    streaming: bool
    last_replayed_at: datetime | None  # commit time of the last replayed transaction, the primary's clock
    server_version: str
    client_connection_check: bool
    pinned: str = ""  # the position that its data were restored to and stay at; empty for data that follow


@dataclass(frozen=True, kw_only=True)
class PromoterRights:
    """What the promoter's login may do at the standby. `update_site`, `insert_probe`: None when there is no table."""

    login: str
    promote: bool
    resume_replay: bool
    update_site: bool | None
    insert_probe: bool | None
    site_rows: int
    read_only: bool  # default_transaction_read_only for this login


@dataclass(frozen=True, kw_only=True)
class CollationChange:
    """A database whose text was sorted by another version of its collation than this server's; None: it has none, or
    says none. `indexes` that sort text: those of the database that was asked; None for another."""

    database: str
    recorded: str | None
    actual: str | None
    indexes: tuple[str, ...] | None


class StandbyDatabase(Protocol):
    """The DR site's PostgreSQL."""

    def state(self) -> StandbyState: ...

    def collation_changes(self) -> tuple[CollationChange, ...]: ...

    def bytes_used(self) -> int:
        """What it has on its disk: tablespaces and WAL."""
        ...

    def rights(self) -> PromoterRights: ...

    def promote(self) -> None:
        """Ask for promotion; returns at once. Idempotent: a primary stays one."""
        ...

    def resume_replay(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class LogAhead:
    """The DR bucket's log behind a standby's position: it goes on without a hole to `end`, the position itself when
    there is nothing. `resumes`: where there is log again behind a hole at `end`."""

    end: int
    resumes: int | None = None


class StandbyLog(Protocol):
    """PostgreSQL's log in the DR bucket, as a standby that lost its stream needs it."""

    def ahead(self, lease: Lease | None, timeline: int, position: int) -> LogAhead:
        """What is there behind a standby's position, as far as `lease` vouches for it. Raises Unreachable; Refused when
        S3 says no or the standby's history is another one."""
        ...

    def goes_on(self, lease: Lease | None, timeline: int, position: int, end: int) -> bool:
        """Whether a whole record lies between `position`, the end of another one, and `end`. Raises as `ahead`."""
        ...


class WriteGate(Protocol):
    """The DR site's primary as the application reaches it: through the gate."""

    def knock(self) -> Literal["closed", "open", "silent"]:
        """What its address does with a connection, and nothing more. Raises Refused when it is no address."""
        ...

    def announce(self, epoch: int, run: str) -> None:
        """Write site and epoch where the services read them, and a probe row; returns after the commit. Raises
        Unreachable while the gate is closed, Failed when the database does not accept writes."""
        ...
