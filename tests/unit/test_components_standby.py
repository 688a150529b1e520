"""The standby's start script, run by a real bash with stand-ins for PostgreSQL's programs."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.standby import START_SCRIPT, pg_hba, settings_arguments

STUBS = {
    "pg_receivewal": 'echo "receivewal $*" >> "$LOG"',
    "pg_basebackup": """echo "basebackup $*" >> "$LOG"
for word in "$@"; do case "$word" in --pgdata=*) target="${word#--pgdata=}" ;; esac; done
mkdir "$target" || exit 1
[ -z "${FAIL_COPY:-}" ] || exit 1
echo 18 > "$target/PG_VERSION"
[ -z "${KILL_COPY:-}" ] || kill -9 $PPID""",
    "postgres": 'printf "postgres" >> "$LOG"; printf " %s" "$@" >> "$LOG"; echo >> "$LOG"',
}
Start = Callable[..., int]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What was run, line by line."""
    return tmp_path / "log"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """PGDATA."""
    return tmp_path / "volume" / "data"


@pytest.fixture
def start(tmp_path: Path, log: Path, data: Path) -> Start:
    """Runs the script once and returns its exit code."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    data.parent.mkdir()
    for name, body in STUBS.items():
        (binaries / name).write_text(f"#!/bin/sh\n{body}\n")
        (binaries / name).chmod(0o755)
    script = tmp_path / "start.sh"
    script.write_text(START_SCRIPT)

    def run(*arguments: str, **environment: str) -> int:
        env = {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "LOG": str(log),
            "PGDATA": str(data),
            "PGUSER": "dr_replication",
            "PGPASSWORD": "hunter2",
            "PRIMARY_HOST": "primary.test",
            "PRIMARY_PORT": "5432",
            "STANDBY_CONFIG": "/config",
            "STANDBY_RUN": "/run/x",
            "STANDBY_SLOT": "dr_standby",
            "STANDBY_PORT": "5432",
            "POD_IP": "10.0.0.9",
            **environment,
        }
        return subprocess.run(["bash", str(script), *arguments], env=env, timeout=20, check=False).returncode

    return run


def test_an_empty_volume_is_filled_with_a_complete_standby(start: Start, data: Path, log: Path) -> None:
    assert start() == 0
    assert (data / "standby.signal").exists() and (data / "PG_VERSION").exists()
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["receivewal", "basebackup", "postgres"]


def test_a_failed_copy_leaves_no_data_directory_and_the_next_start_begins_again(start: Start, data: Path) -> None:
    assert start(FAIL_COPY="1") != 0
    assert not data.exists()
    assert start() == 0
    assert (data / "standby.signal").exists()


def test_killed_between_copy_and_rename_the_next_start_begins_again(start: Start, data: Path, log: Path) -> None:
    assert start(KILL_COPY="1") < 0
    assert not data.exists()
    assert start() == 0
    assert (data / "PG_VERSION").exists()
    assert log.read_text().count("basebackup") == 2


def test_a_restart_copies_nothing(start: Start, log: Path) -> None:
    start()
    log.unlink()
    assert start() == 0
    assert log.read_text().startswith("postgres ")


def test_a_promoted_database_stays_a_primary_after_a_restart(start: Start, data: Path) -> None:
    start()
    (data / "standby.signal").unlink()  # what pg_promote() does
    assert start() == 0
    assert not (data / "standby.signal").exists()


def test_the_password_is_in_no_argument_and_not_in_the_data_directory(start: Start, data: Path, log: Path) -> None:
    start()
    assert "hunter2" not in log.read_text()
    assert not [file for file in data.iterdir() if "hunter2" in file.read_text()]


def test_a_primary_s_synchronous_names_cannot_stop_the_promoted_database(start: Start, log: Path) -> None:
    """Inherited with postgresql.conf, they would make every commit wait for a replica of the lost site."""
    start()
    assert "-c synchronous_standby_names= " in log.read_text()
    assert "-c client_connection_check_interval=1s" in log.read_text()


def test_further_settings_come_last_and_win(start: Start, log: Path) -> None:
    start(*settings_arguments({"max_connections": "300"}))
    assert log.read_text().rstrip().endswith("-c max_connections=300")


def test_the_application_enters_through_the_gate_and_from_nowhere_else() -> None:
    text = pg_hba(database="ultramarket", application="app", gate="10.1.255.0/28", pods=["10.1.0.0/16"])
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    mentions = [line for line in lines if "app" in line[2].split(",")]
    assert mentions == [
        ["host", "ultramarket", "app", "10.1.255.0/28", "scram-sha-256"],
        ["host", "all", "app", "all", "reject"],
    ]
    assert lines.index(mentions[1]) < min(n for n, line in enumerate(lines) if line[3] == "10.1.0.0/16")
    assert lines[-1] == ["host", "all", "all", "all", "reject"]
    assert {line[-1] for line in lines} == {"scram-sha-256", "reject"}
