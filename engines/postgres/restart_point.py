"""A standby begins its backup at its last restart point, and that has to lie behind the end of the one it builds on.

Restart points follow the primary's checkpoints, of which a quiet primary makes none.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.postgres.tools import session
from recovery.copies.manifest import Manifest
from recovery.errors import Failed, FullInstead, Unchanged
from recovery.lease.backup_runs import NOTHING_CHANGED
from recovery.lease.lease import parse_lsn

if TYPE_CHECKING:
    import psycopg

_POLL_SECONDS = 1.0
# A checkpoint is begun after `checkpoint_timeout` and spread over most of another; the primary's may be longer.
_TIMEOUTS = 3
_STATE = """
SELECT coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint, (redo_lsn - '0/0')::bigint,
       extract(epoch FROM current_setting('checkpoint_timeout')::interval)::float8,
       (SELECT sender_host FROM pg_stat_wal_receiver), (SELECT sender_port FROM pg_stat_wal_receiver)
  FROM pg_control_checkpoint()
"""


@dataclass(frozen=True)
class _State:
    replayed: int
    redo: int
    checkpoint_seconds: float
    primary: str | None
    port: int | None


def await_restart_point(base: Manifest, said: str, environment: Mapping[str, str], *, until: float) -> None:
    """Return when a backup of this standby begins behind the end of `base`. The primary is asked for a checkpoint where
    it lets us in; where not, its own next one is waited for, at the longest until `until` of `time.monotonic()`.

    Raises Failed then; Unchanged when nothing was written since `base`, FullInstead with what the server `said` when it
    refused for another reason.
    """
    end = parse_lsn(base.stop_position)
    with session(base.source.database, environment) as standby:
        state = _state(standby)
        if state.redo >= end:
            raise FullInstead(
                f"the server cannot build on {base.id}: {said}", next_step="make a full one: `dr backup postgres full`"
            )
        if state.replayed > end:
            _checkpoint_at_primary(state, base.source.database)
            last = time.monotonic() + _TIMEOUTS * state.checkpoint_seconds
            while time.monotonic() < last:
                if time.monotonic() > until:
                    raise Failed(
                        f"no checkpoint of the primary behind the end of {base.id}, {base.stop_position}, has come to "
                        "the standby within the time limit",
                        next_step="look whether the standby replays, and how far it is behind; then run it again",
                    )
                _restart_point(standby)
                if _state(standby).redo >= end:
                    return
                time.sleep(_POLL_SECONDS)
    raise Unchanged(
        f"{NOTHING_CHANGED} {base.id} of {base.finished:%Y-%m-%d %H:%M:%S %Z}: the primary has made no checkpoint",
        next_step="none needed: what there is, is in that backup and in the log",
    )


def _state(connection: "psycopg.Connection[tuple[Any, ...]]") -> _State:
    row = connection.execute(_STATE).fetchone()
    assert row is not None  # noqa: S101  (a SELECT without a WHERE)
    return _State(*row)


def _checkpoint_at_primary(state: _State, database: str) -> None:
    """Our login is the primary's too, since the standby is its copy; it need not admit us from here."""
    import psycopg

    if state.primary and state.port:
        with (
            suppress(psycopg.Error),
            psycopg.connect(
                host=state.primary,
                port=state.port,
                dbname=database,
                autocommit=True,
                connect_timeout=5,
                require_auth="scram-sha-256",  # a server that wants the password itself is not told it
            ) as primary,
        ):
            primary.execute("CHECKPOINT")


def _restart_point(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Without the right to it the standby's own timer makes one."""
    from psycopg import errors

    with suppress(errors.InsufficientPrivilege):
        connection.execute("CHECKPOINT")
