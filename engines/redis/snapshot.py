"""A copy of Redis or Valkey: an RDB → zstd → S3, nothing on a local disk, checked while it passes.

How it becomes a backup, lease, manifest and pointer, is `operations.copies.backup`.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from engines.catalog import Entry, entries
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.redis.connection import Address, Session, session
from engines.redis.rdb import BrokenRdb, PassingRdb, Unchecked
from engines.redis.replication import Asked, Cut, ask, payload
from engines.redis.server import State, require_checksum, require_ready
from engines.redis.verify import verify
from engines.streams import Tally
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest
from recovery.errors import DrError, Failed, Refused, Unreachable
from recovery.names import READ_REPLICA
from recovery.plan.datasets import Dataset
from recovery.ports.buckets import ObjectStore

RDB = "dump.rdb.zst"
_ASKED_SECONDS = 10.0


class RedisSnapshot:
    """All keys of a server at one moment: of a replica, so that customers do not wait while it forks, or of a primary
    that has none. A full one is the same; the plan keeps it for longer."""

    dataset = "redis"
    needs = Needs(settings=("REDIS_HOST",))

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """The server that the environment names. Raises Refused for one whose copy would be worth nothing."""
        if environment.get(READ_REPLICA):
            raise Refused(
                "a replica of Redis is copied by its own address", next_step="name it with REDIS_HOST instead"
            )
        address = Address.of(environment)
        with _worded(address), session(address, seconds=_ASKED_SECONDS) as connection:
            state = State.ask(connection)
            require_ready(state, replica_lag=replica_lag)
            require_checksum(connection)
        return Origin(
            identity=state.history,
            product=state.server.product,
            version=state.server.version,
            words=f"{state.words}, history {state.history}",
            bytes=state.number("used_memory"),
            tools={},
            standby=state.replica,
        )

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """None: it is complete in itself."""
        return None

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """Write the server's RDB into the folder. Raises Failed, also when the server is not what it was."""
        address, rdb = Address.of(environment), PassingRdb()
        with _worded(address, time_limit), session(address, seconds=time_limit.total_seconds()) as connection:
            before = State.ask(connection)
            try:
                asked = ask(connection, origin.version)
                _require_same(origin, before, asked)
                parts = folder.write(RDB, _as_promised(rdb, connection, asked), Tally())
            except Cut as error:
                raise _cut(error, before, address) from None
            except BrokenRdb as error:
                raise _broken(error) from None
        header = rdb.header
        return Content(
            parts=parts,
            start_position=asked.position,
            stop_position=asked.position,
            data_format=header.magic,
            as_of=header.as_of,
        )

    def entries(self, store: ObjectStore) -> list[Entry]:
        """Finished and unfinished ones, the newest first."""
        return entries(store, self.dataset, self.kind)

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """See `engines.redis.verify`."""
        return verify(store, manifest, environment=environment)

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """Size and source."""
        return remarks(manifest, others)


def _as_promised(rdb: PassingRdb, connection: Session, asked: Asked) -> Iterator[memoryview]:
    """What the server sends. Its end comes, and with it the object, only when all of it is right."""
    yield from rdb.passing(payload(connection))
    if rdb.header.position not in ("", asked.position):
        raise Failed(
            f"the server promised {asked.position} and sent an RDB of {rdb.header.position}; the upload was aborted",
            next_step="run the backup again; if it repeats, look at the server's log",
        )


def _require_same(origin: Origin, before: State, asked: Asked) -> None:
    """Nothing is written yet. An RDB that another replica's wish began earlier is of an earlier moment."""
    if asked.history != origin.identity and not before.unfollowed:
        raise Failed(
            f"the server was of history {origin.identity} when asked and is of {asked.history} now: it was restarted, "
            "promoted or replaced meanwhile",
            next_step="run the backup again",
        )
    if asked.history == before.history and asked.offset < before.offset:
        raise Failed(
            f"the server sends an RDB of offset {asked.offset:,}, begun for somebody else before this backup, which "
            f"began at {before.offset:,}",
            next_step="run the backup again",
        )


def _cut(error: Cut, before: State, address: Address) -> Failed:
    """With the reason, where the server still answers and knows one."""
    try:
        with session(address, seconds=_ASKED_SECONDS) as connection:
            after = State.ask(connection)
    except (DrError, OSError):
        return Failed(
            f"{error.what}, and does not answer any more; the upload was aborted and there is no backup",
            next_step="look whether the server runs",
        )
    buffers = "client_output_buffer_limit_disconnections"
    if after.number(buffers) > before.number(buffers):
        reason = "it ended a client by client-output-buffer-limit"
        advice = "raise client-output-buffer-limit replica, or copy at a quieter time"
    elif after.facts.get("rdb_last_bgsave_status") == "err":
        reason = "its background save failed"
        advice = "look at the server's log: memory (vm.overcommit_memory), disk, or data that its format cannot hold"
    else:
        reason = "it still answers"
        advice = "look at its log; its limits are repl-timeout and client-output-buffer-limit replica"
    return Failed(f"{error.what}; {reason}. The upload was aborted and there is no backup", next_step=advice)


def _broken(error: BrokenRdb) -> Failed | Refused:
    if isinstance(error, Unchecked):
        return Failed(
            f"what the server sent cannot be trusted: {error} (rdbchecksum no)",
            next_step="set rdbchecksum yes in its configuration file and restart it",
        )
    return Failed(
        f"what the server sent is no whole RDB: {error}; the upload was aborted",
        next_step="run the backup again; if it repeats, look at the server's memory and the network",
    )


@contextmanager
def _worded(address: Address, time_limit: timedelta = timedelta(seconds=_ASKED_SECONDS)) -> Iterator[None]:
    """Whatever connection and clock end a session by is worded here."""
    begun = time.monotonic()
    try:
        yield
    except TimeoutError:
        raise Failed(
            f"Redis at {address} did not finish within {time_limit}; the upload was aborted",
            next_step="look at the server's and the network's load, or raise time_limit in recovery.yaml",
        ) from None
    except OSError as error:
        raise Unreachable(
            f"Redis at {address} was lost after {time.monotonic() - begun:.0f} s: {error.strerror or error}",
            next_step="look whether the server runs, and run this again",
        ) from None
