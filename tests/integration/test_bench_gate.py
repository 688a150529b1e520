"""The gate's benchmark; twenty seconds, so under `make soak` alone."""

import pytest

from bench.gate import measured
from tests.support.soak import SOAK


@pytest.mark.skipif(not SOAK, reason="takes twenty seconds: `make soak`")
def test_the_gate_is_measured_where_haproxy_is_in_the_set_ups_cache_and_not_on_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = measured(seconds=1, rounds=1, clients=1)
    assert found["tpcb"]["direct_tps"] > 0 and found["tpcb"]["socket_tps"] > 0
