"""Which Redis or Valkey answered, and whether a copy of it would be worth anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from engines.redis.connection import ErrorReply, Session
from engines.redis.formats import OLDEST, Server
from recovery.errors import Failed, Refused

_VERSION, _NUMBER = re.compile(r"\d+\.\d+(\.\d+)*"), re.compile(r"-?\d+")
_WANTED = {
    "redis_version": _VERSION,
    "valkey_version": _VERSION,
    "master_replid": re.compile(r"[0-9a-f]{40}"),
    **dict.fromkeys(
        (
            "master_repl_offset",
            "master_last_io_seconds_ago",
            "master_link_down_since_seconds",
            "master_sync_in_progress",
            "loading",
            "async_loading",
            "used_memory",
            "total_commands_processed",
            "uptime_in_seconds",
            "aof_enabled",
            "cluster_enabled",
            "client_output_buffer_limit_disconnections",
        ),
        _NUMBER,
    ),
}
_ALWAYS = ("redis_version", "master_replid", "master_repl_offset")
PING = timedelta(seconds=10)
"""How often an idle primary says that it is there (`repl-ping-replica-period`)."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What a server said of itself, by INFO's names."""

    facts: Mapping[str, str]

    @classmethod
    def ask(cls, connection: Session) -> "State":
        """Raises Failed when it is no Redis that answers."""
        facts: dict[str, str] = {}
        for section in ("server", "persistence", "replication", "memory", "stats", "keyspace", "cluster"):
            said = connection.command("INFO", section)
            facts |= dict(line.split(":", 1) for line in str(said).splitlines() if ":" in line)
        for name, wanted in _WANTED.items():
            if name in facts or name in _ALWAYS:
                found = facts.get(name, "")
                if not wanted.fullmatch(found):
                    raise Failed(
                        f"what answers is no Redis that is understood: its INFO has {name}:{found[:80]}",
                        next_step="check REDIS_HOST and REDIS_PORT",
                    )
        return cls(facts=facts)

    @property
    def server(self) -> Server:
        """Valkey also names the Redis that it began with; its own version counts."""
        if "valkey_version" in self.facts:
            return Server(product="valkey", version=self.facts["valkey_version"])
        return Server(product="redis", version=self.facts["redis_version"])

    @property
    def replica(self) -> bool:
        """Whether it follows another one."""
        return self.facts.get("role") == "slave"

    @property
    def history(self) -> str:
        """The id of what is replicated: a primary's and all its replicas'. Another one after a restart or promotion."""
        return self.facts["master_replid"]

    @property
    def offset(self) -> int:
        """How far that history has got here, in bytes."""
        return self.number("master_repl_offset")

    @property
    def unfollowed(self) -> bool:
        """Whether nobody knows its history yet: it takes a new id as soon as somebody asks for one."""
        return not self.replica and self.facts.get("repl_backlog_active") == "0"

    @property
    def keys(self) -> int:
        """In all its databases."""
        return sum(
            int(value.split(",")[0].removeprefix("keys="))
            for name, value in self.facts.items()
            if name.startswith("db") and value.startswith("keys=")
        )

    def number(self, name: str) -> int:
        """A fact that is a number; 0 when the server does not know it."""
        return int(self.facts.get(name, "0"))

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.server} {'replica' if self.replica else 'primary'}, {self.keys:,} keys"


def require_ready(state: State, *, replica_lag: timedelta) -> None:
    """Raises Refused for a server that is too old, still loading or one of a cluster, and for a replica that has lost
    its primary or has not heard of it for longer than `replica_lag`."""
    if state.server.numbers < OLDEST:
        raise Refused(
            f"the server is {state.server}; copies are made of {OLDEST[0]}.{OLDEST[1]} and later",
            next_step="update it, or name another one with REDIS_HOST",
        )
    if state.number("loading") or state.number("async_loading"):
        raise Refused("the server is loading its data", next_step="run this again when it has; see INFO persistence")
    if state.number("cluster_enabled"):
        raise Refused(
            "the server is one of a cluster, so a copy of it would be a part of the data",
            next_step="name a server that has all of it; copies of a cluster are not made yet",
        )
    if not state.replica:
        return
    if state.facts.get("master_link_status") != "up" or state.number("master_sync_in_progress"):
        raise Refused(
            "the replica has no link to its primary, so nobody knows how old its data is",
            next_step="look at INFO replication and the replica's log, or name another server with REDIS_HOST",
        )
    silent = timedelta(seconds=state.number("master_last_io_seconds_ago"))
    if silent > replica_lag + PING:
        raise Refused(
            f"the replica has heard nothing of its primary for {silent.seconds} s, more than the plan's lag of "
            f"{replica_lag.seconds} s and the {PING.seconds} s between two signs of life",
            next_step="look at the network and the primary's load, or name another server with REDIS_HOST",
        )


def require_checksum(connection: Session) -> None:
    """Raises Refused when the server writes RDBs without a checksum, which every checker takes for right. A login that
    may not ask learns it from the RDB."""
    try:
        said = connection.command("CONFIG", "GET", "rdbchecksum")
    except ErrorReply:
        return
    if said == ["rdbchecksum", "no"]:
        raise Refused(
            "the server writes RDBs without a checksum (rdbchecksum no), so nobody could tell a damaged one",
            next_step="set rdbchecksum yes in its configuration file and restart it",
        )
