"""Which server reads which RDB."""

import pytest

from engines.redis.formats import Server
from recovery.errors import Refused

READS = {
    "redis-6.2.14": {"REDIS0009"},
    "redis-7.0.15": {"REDIS0009", "REDIS0010"},
    "redis-7.2.4": {"REDIS0009", "REDIS0010", "REDIS0011"},
    "redis-8.0.2": {"REDIS0009", "REDIS0010", "REDIS0011", "REDIS0012"},
    "redis-8.6": {"REDIS0009", "REDIS0010", "REDIS0011", "REDIS0012", "REDIS0013"},
    "valkey-7.2.5": {"REDIS0009", "REDIS0010", "REDIS0011"},
    "valkey-8.1.4": {"REDIS0009", "REDIS0010", "REDIS0011"},
    "valkey-9.1.2": {"REDIS0009", "REDIS0010", "REDIS0011", "VALKEY080"},
}
ALL = sorted(set[str]().union(*READS.values()))


@pytest.mark.parametrize(("server", "magic"), [(server, magic) for server in READS for magic in ALL])
def test_a_server_reads_what_its_own_older_ones_wrote_and_nothing_foreign(
    server: str, magic: str
) -> None:  # pitfall 5.8
    assert Server.parse(server).reads(magic) == (magic in READS[server])


def test_a_later_server_reads_at_least_what_the_last_known_one_does() -> None:
    assert Server.parse("redis 9.0").reads("REDIS0013") and Server.parse("valkey v10.2").reads("VALKEY080")


@pytest.mark.parametrize("text", ["", "valkey", "keydb-6.3", "redis-seven", "redis-7", "9.1.2"])
def test_what_is_no_server_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(Refused, match="is no server that can read an RDB") as refusal:
        Server.parse(text)
    assert "valkey-9.1" in refusal.value.next_step
