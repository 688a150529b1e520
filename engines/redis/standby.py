"""The DR site's Redis as a promotion and a monitor need it: what it has, promoting it, and a first write."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from engines.redis.connection import Address, Session, session
from engines.redis.server import State
from recovery.errors import Failed, Unreachable
from recovery.ports.redis import RedisState

SITE_KEY = "dr:site"
"""Says which site and epoch this is, since a promotion."""
_SECONDS = 2.0


def address_of(endpoint: str, environment: Mapping[str, str], user: str, password: Callable[[], str]) -> "Lazy":
    """A server of the DR site, `endpoint` as host:port; REDIS_USER wins over `user`."""
    host, _, port = endpoint.rpartition(":")
    return Lazy(Address(host=host, port=int(port), user=environment.get("REDIS_USER") or user), password)


class Lazy:
    """An address whose password is read when it is first needed: commands that never ask Redis need none."""

    def __init__(self, where: Address, password: Callable[[], str]) -> None:
        self._where, self._password = where, password

    @property
    def address(self) -> Address:
        """With the password. Raises Refused where there is none."""
        return replace(self._where, password=self._password())


class ReplicaRedis:
    """A `recovery.ports.RedisReplica`. A session for each call: it is asked seldom, and may be anew in between."""

    def __init__(self, at: Lazy) -> None:
        self._at = at

    def state(self) -> RedisState:
        """Raises Unreachable, Refused."""
        with _asked(self._at) as connection:
            state = State.ask(connection)
        replica, link = state.replica, state.facts.get("master_link_status") == "up"
        return RedisState(
            server=str(state.server),
            replica=replica,
            history=state.history,
            offset=state.offset,
            link_up=replica and link,
            down_seconds=state.number("master_link_down_since_seconds") if replica and not link else None,
            silent_seconds=state.number("master_last_io_seconds_ago") if replica and link else None,
            synchronising=bool(state.number("master_sync_in_progress")),
            loading=bool(state.number("loading") or state.number("async_loading")),
            keys=state.keys,
            appends=bool(state.number("aof_enabled")),
            commands_per_second=state.number("total_commands_processed") / max(1, state.number("uptime_in_seconds")),
        )

    def promote(self) -> None:
        """The line that makes it follow goes out of its file in the same breath: a Pod that comes back is a primary."""
        with _asked(self._at) as connection:
            connection.command("MULTI")
            connection.command("REPLICAOF", "NO", "ONE")
            connection.command("CONFIG", "REWRITE")
            said = connection.command("EXEC")
        if said != ["OK", "OK"]:
            raise Failed(
                f"the DR site's Redis could not be promoted for good: {said}", next_step="see the log of its Pod"
            )

    def keep(self) -> None:
        """It writes the append-only file beside everything else; how far it is, INFO says."""
        with _asked(self._at) as connection:
            connection.command("CONFIG", "REWRITE")
            connection.command("CONFIG", "SET", "appendonly", "yes")


class GateRedis:
    """A `recovery.ports.RedisGate`."""

    def __init__(self, at: Lazy) -> None:
        self._at = at

    def announce(self, epoch: int, run: str) -> None:
        """Raises Unreachable while the gate is closed, Failed when what was written is not what is read."""
        said = json.dumps({"site": "dr", "epoch": epoch, "run": run})
        with _asked(self._at) as connection:
            connection.command("SET", SITE_KEY, said)
            found = connection.command("GET", SITE_KEY)
        if found != said:
            raise Failed(
                f"what was written to {SITE_KEY} through the DR gate is not what is read there",
                next_step="find out what answers at the gate's address for Redis",
            )


@contextmanager
def _asked(at: Lazy) -> Iterator[Session]:
    """A session of seconds. A server that is loading its data, or follows and takes no write, has answered: Failed or
    Refused in its own words."""
    where = at.address
    try:
        with session(where, seconds=_SECONDS) as connection:
            yield connection
    except TimeoutError:
        raise Unreachable(f"Redis at {where} did not answer within {_SECONDS:g} s") from None
    except OSError as error:
        raise Unreachable(f"Redis at {where} was lost: {error.strerror or error}") from None
