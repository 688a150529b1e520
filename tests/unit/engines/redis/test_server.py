"""Which server is copied, and which is not."""

from datetime import timedelta

import pytest

from engines.redis.server import State, require_ready
from recovery.errors import Refused

LAG = timedelta(seconds=10)
REPLICA = {
    "redis_version": "7.2.4",
    "valkey_version": "9.1.2",
    "loading": "0",
    "role": "slave",
    "master_link_status": "up",
    "master_sync_in_progress": "0",
    "master_last_io_seconds_ago": "9",
    "master_replid": "a" * 40,
    "master_repl_offset": "7",
    "db0": "keys=3,expires=1,avg_ttl=0",
    "db11": "keys=4,expires=0,avg_ttl=0",
}


def test_a_replica_that_keeps_up_is_copied() -> None:
    state = State(facts=REPLICA)
    require_ready(state, replica_lag=LAG)
    assert state.words == "Valkey 9.1.2 replica, 7 keys"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"valkey_version": "", "redis_version": "6.0.20", "product": "redis"}, "Redis 6.0.20; copies are made of 6.2"),
        ({"cluster_enabled": "1"}, "one of a cluster"),
        ({"loading": "1"}, "is loading its data"),
        ({"async_loading": "1"}, "is loading its data"),
        ({"master_link_status": "down"}, "no link to its primary"),
        ({"master_sync_in_progress": "1"}, "no link to its primary"),
        ({"master_last_io_seconds_ago": "21"}, "heard nothing of its primary for 21 s"),
    ],
)
def test_a_server_whose_copy_would_be_worth_nothing_is_refused(
    changed: dict[str, str], said: str
) -> None:  # pitfall 5.5
    facts = {name: value for name, value in (REPLICA | changed).items() if value}
    with pytest.raises(Refused, match=said) as refusal:
        require_ready(State(facts=facts), replica_lag=LAG)
    assert refusal.value.next_step


def test_a_primary_is_copied_where_there_is_no_replica() -> None:
    state = State(facts=REPLICA | {"role": "master", "repl_backlog_active": "0", "master_link_status": "down"})
    require_ready(state, replica_lag=LAG)
    assert state.unfollowed and not state.replica
