"""The gate's parts that need no database: addresses, HAProxy's configuration, the deadline timer, bad input."""

import os
import signal
import subprocess
import sys
import time

import pytest

from operations.guard.deadline import boottime
from operations.guard.gate import Address, Way, configuration, find_haproxy
from recovery.errors import Refused
from tests.support.plans import ROOT

PLAN = ROOT / "recovery.yaml"


@pytest.mark.parametrize("text", ["10.0.0.7:5432", "db-1.internal:5432", "[fd00::7]:5432", "/run/postgres-gate:5432"])
def test_addresses_are_read(text: str) -> None:
    assert Address.parse(text).port == 5432


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5432",
        ":5432",
        "host:",
        "host:0",
        "host:65536",
        "a b:1",
        "x\nbind *:1:1",
        "h:1 ",
        "/:1",
        "/a b:1",
        "/a\nbind *:1:1",
        "/a//b:1",
    ],
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        Address.parse(text)


def configured(upstream: Address, *also: Way, descriptors: int = 1024) -> str:
    ways = [Way(Address("10.0.3.7", 6432), upstream), *also]
    return configuration(range(7, 7 + len(ways)), ways, descriptors=descriptors)


def test_a_further_way_is_let_through_beside_the_database_s() -> None:
    text = configured(Address.parse("/run/postgres-gate:5432"), Way.parse("10.0.3.7:7379=redis.internal:6379"))
    assert [line for line in text.splitlines() if line.startswith("listen ")] == ["listen gate", "listen also1"]
    assert "bind fd@8\n    server primary redis.internal:6379 source 10.0.3.7 resolvers system" in text
    assert text.count("resolvers system\n") == 1


@pytest.mark.parametrize(
    "text", ["10.0.3.7:7379", "10.0.3.7:7379=", "redis:7379=redis:6379", "10.0.3.7:7379=/run/redis:6379", "=redis:6379"]
)
def test_a_further_way_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Way.parse(text)


def test_the_database_sees_connections_come_from_the_gates_address() -> None:
    text = configured(Address("10.0.9.1", 5432))
    assert "bind fd@7" in text
    assert "server primary 10.0.9.1:5432 source 10.0.3.7\n" in text
    assert "maxconn 462" in text


def test_a_primary_in_the_same_pod_is_reached_by_its_socket_and_is_not_resolved() -> None:
    text = configured(Address.parse("/run/postgres-gate:5432"))
    assert "server primary unix@/run/postgres-gate/.s.PGSQL.5432\n" in text
    assert "source" not in text and "resolvers" not in text


def test_a_socket_s_path_that_the_kernel_would_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 107 bytes"):
        Address.parse(f"/{'x' * 100}:5432")


def test_a_primary_with_a_name_is_resolved_again_when_its_address_moves() -> None:
    text = configured(Address("db.internal", 5432), descriptors=1_000_000_000)
    assert "resolvers system init-addr last,libc,none" in text and "parse-resolv-conf" in text
    assert "maxconn 10000" in text


def test_a_guard_without_haproxy_refuses_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_named: None)
    with pytest.raises(Refused, match="HAProxy is neither on PATH"):
        find_haproxy()


def test_the_timer_kills_a_stopped_process_at_the_deadline() -> None:
    code = (
        "import os, signal; from operations.guard.deadline import DeadlineTimer, boottime; t = DeadlineTimer(); "
        "until = boottime() + 0.4; t.arm(until + 60); t.arm(until); print(until, flush=True); "
        "os.kill(os.getpid(), signal.SIGSTOP)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PLAN.parent) as process:
        assert process.stdout is not None
        until = float(process.stdout.readline())
        assert process.wait(10) == -signal.SIGKILL
    assert until - 0.01 <= boottime() < until + 2


def test_a_disarmed_timer_kills_nobody() -> None:
    code = (
        "import time; from operations.guard.deadline import DeadlineTimer, boottime; t = DeadlineTimer(); "
        "t.arm(boottime() + 0.2); t.disarm(); time.sleep(0.4)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PLAN.parent, timeout=20, check=False).returncode == 0


def dr(*arguments: str) -> tuple[int, str]:
    """Exit code and standard error of `dr`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DR_", "PG"))}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.dr", *arguments],
        cwd=PLAN.parent, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


GATE = ("--listen", "127.0.0.9:5999", "--upstream", "127.0.0.8:5432")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--site", "prod", "--listen", "nonsense", "--upstream", "h:1"), 64, "expected HOST:PORT"),
        (("--site", "prod", "--listen", "name:1", "--upstream", "h:1"), 64, "must be an IP address"),
        (("--site", "prod", *GATE, "--mode", "loose"), 64, "off, observe, enforce"),
        (("--site", "mars", *GATE), 2, "which site is this? found 'mars'"),
        (GATE, 2, "which site is this? none was given"),
    ],
)
def test_a_guard_refuses_wrong_options(arguments: tuple[str, ...], code: int, message: str) -> None:
    began = time.monotonic()
    exit_code, text = dr("guard", *arguments)
    assert exit_code == code and time.monotonic() - began < 30
    assert message in " ".join(text.replace("│", " ").split()) and "Traceback" not in text
