"""What a container's words become where all Pods share the machine's loopback."""

from lab.kubernetes.environment import own_loopback


def test_a_pod_s_own_loopback_is_its_address_and_nothing_else_changes() -> None:
    assert own_loopback("127.20.48.3", "127.0.0.1:6433") == "127.20.48.3:6433"
    assert own_loopback("127.20.48.3", "http://127.0.0.1/x") == "http://127.20.48.3/x"
    for other in ("127.0.0.0/8", "127.0.0.11", "10.127.0.0.1", "127.0.0.1.nip.io"):
        assert own_loopback("127.20.48.3", other) == other
