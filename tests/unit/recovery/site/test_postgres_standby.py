"""The standby's start script, run by a real bash with stand-ins for PostgreSQL's programs."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from recovery.site.postgres_standby import START_SCRIPT, pg_hba, settings_arguments

STUBS = {
    "pg_receivewal": 'echo "receivewal $*" >> "$LOG"',
    "pg_basebackup": """echo "basebackup $*" >> "$LOG"
for word in "$@"; do case "$word" in --pgdata=*) target="${word#--pgdata=}" ;; esac; done
mkdir "$target" || exit 1
[ -z "${FAIL_COPY:-}" ] || exit 1
echo 18 > "$target/PG_VERSION"
printf '%s\\n' "${CONF:-}" > "$target/postgresql.conf"
[ -z "${KILL_COPY:-}" ] || kill -9 $PPID""",
    "pg_controldata": """printf '%s setting: %25s\\n' max_connections 300 max_worker_processes 16 max_wal_senders 12 \\
    max_prepared_xacts 5 max_locks_per_xact 128""",
    # The server's own rule: https://www.postgresql.org/docs/18/creating-cluster.html
    "postgres": """case "$(stat -c %a "$2")" in *700 | *750) ;; *) exit 1 ;; esac
printf "postgres" >> "$LOG"; printf " %s" "$@" >> "$LOG"; echo >> "$LOG\"""",
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
            "STANDBY_SOCKET": "/socket",
            "STANDBY_SLOT": "dr_standby",
            "STANDBY_PORT": "5432",
            "STANDBY_SHARED_BUFFERS": "1024MB",
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


def test_a_restart_closes_data_that_a_mount_opened_to_the_volume_s_group(start: Start, data: Path) -> None:
    """What kubelet leaves with an `fsGroup`: everything readable and writable for the group, setgid on folders."""
    start()
    data.chmod(0o2770)
    assert start() == 0


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


def test_what_a_standby_must_have_as_large_as_its_primary_is_read_from_the_copied_data(start: Start, log: Path) -> None:
    start()
    said = log.read_text()
    for setting in (
        "max_connections=300",
        "max_worker_processes=16",
        "max_wal_senders=12",
        "max_prepared_transactions=5",
        "max_locks_per_transaction=128",
    ):
        assert f"-c {setting} " in said


@pytest.mark.parametrize(("version", "known"), [("17", False), ("18", True)])
def test_a_setting_of_newer_servers_is_not_named_to_an_older_one(
    start: Start, data: Path, log: Path, version: str, known: bool
) -> None:
    start()
    (data / "PG_VERSION").write_text(f"{version}\n")
    log.unlink()
    start()
    assert ("io_method" in log.read_text()) == known


def test_an_image_without_glibc_is_refused_before_anything_is_copied(
    start: Start, log: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    getconf = tmp_path / "bin" / "getconf"
    getconf.write_text("#!/bin/sh\nexit 1\n")  # as musl's
    getconf.chmod(0o755)
    assert start() == 64
    assert not log.exists()
    assert "Set postgresImage to a Debian image" in capfd.readouterr().err


def test_lines_that_cannot_be_read_here_are_taken_out_of_the_copied_configuration(start: Start, data: Path) -> None:
    gone = ["include_dir '/etc/postgresql/conf.d'", "Include = '/etc/pg/x.conf'", " lc_time='tlh_QO'", "Huge_Pages on"]
    kept = ["include 'mine.conf'", "timezone = 'UTC'", "#ssl = on", "ssl_ciphers = 'HIGH'", "ports = 1"]
    start(CONF="\n".join([*gone, *kept]))
    assert (data / "postgresql.conf").read_text().splitlines() == [*(f"#{line}" for line in gone), *kept]


def test_further_settings_come_last_and_win(start: Start, log: Path) -> None:
    start(*settings_arguments({"max_connections": "300"}))
    assert log.read_text().rstrip().endswith("-c max_connections=300")


def test_the_application_enters_by_the_socket_and_is_rejected_on_every_host_line() -> None:
    text = pg_hba(database="ultramarket", application="app", pods=["10.1.0.0/16", "0.0.0.0/0"])
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    admitting = [line for line in lines if line[-1] != "reject" and {"app", "all"} & {*line[2].split(",")}]
    assert admitting == [["local", "ultramarket", "app,dr_promoter", "scram-sha-256"]]
    shut = lines.index(["host", "all", "app,dr_guard", "all", "reject"])
    assert shut < min(n for n, line in enumerate(lines) if line[0] == "host" and line[-1] != "reject")
    assert ["local", "all", "all", "reject"] in lines and lines[-1] == ["host", "all", "all", "all", "reject"]
    assert {line[-1] for line in lines} == {"scram-sha-256", "reject"}


def test_the_socket_is_in_the_gate_s_folder_and_its_group_alone_may_use_it(start: Start, log: Path) -> None:
    start()
    assert "-c unix_socket_directories=/socket -c unix_socket_permissions=0770 " in log.read_text()
