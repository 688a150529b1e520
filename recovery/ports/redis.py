"""The DR site's Redis, and the way to it through the gate."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class RedisState:
    """What it says of itself. `history` and `offset`: how far, in bytes, it has got of which stream of changes. Seconds
    are None where it does not say. `appends`: whether it writes an append-only file."""

    server: str
    replica: bool
    history: str
    offset: int
    link_up: bool
    down_seconds: int | None  # since the link broke
    silent_seconds: int | None  # since it last heard of its primary, over a link that is up
    synchronising: bool  # it is being sent everything anew
    loading: bool
    keys: int
    appends: bool
    commands_per_second: float  # on average, of all that it has been told since it started


class RedisReplica(Protocol):
    """The DR site's Redis. Everything raises Unreachable or Refused."""

    def state(self) -> RedisState: ...

    def promote(self) -> None:
        """Let it follow nobody. A primary stays one."""
        ...

    def keep(self) -> None:
        """Let it come back as what it is now after a restart, and write an append-only file. Repeating it does no
        harm."""
        ...


class RedisGate(Protocol):
    """The same server as applications reach it."""

    def announce(self, epoch: int, run: str) -> None:
        """Write which site and epoch this is, and read it again. Raises Unreachable while the gate is closed, Failed
        when no write is taken."""
        ...
