"""The standby's start script, run by a real bash with stand-ins for PostgreSQL's programs."""

import pytest

from recovery.site.postgres_standby import pg_hba, settings_arguments
from tests.support.standby_scripts import Scripts
from tests.support.standby_scripts import scripts as scripts  # a fixture

FOLLOWS = "-c primary_conninfo=host=primary.test port=5432 user=dr_replication application_name=dr_standby "


@pytest.fixture
def filled(scripts: Scripts) -> Scripts:
    """A volume with a copy of production."""
    scripts.fill()
    return scripts


def test_a_volume_that_nothing_has_filled_gets_a_copy_of_the_primary(scripts: Scripts) -> None:
    assert scripts.start(KILL_COPY="1") < 0
    assert not scripts.data.exists()
    assert scripts.start() == 0
    assert (scripts.data / "standby.signal").exists()
    assert scripts.run[:2] == ["receivewal", "basebackup"]


def test_a_start_copies_nothing(filled: Scripts) -> None:
    assert filled.start() == 0
    assert set(filled.run) == {"receivewal", "postgres"}


def test_it_follows_production_over_its_slot_and_reads_the_log_in_the_bucket(filled: Scripts) -> None:
    filled.start()
    said = filled.said
    assert FOLLOWS in said and " -c primary_slot_name=dr_standby " in said
    assert " -c restore_command=bash /config/fetch-log.sh %f %p || exit 1 -c dr.pinned= " in said


def test_where_nothing_follows_production_the_bucket_alone_is_followed(filled: Scripts) -> None:
    filled.start(STANDBY_FOLLOWS="bucket")
    assert filled.run == ["postgres"]
    said = filled.said
    assert "-c primary_conninfo= -c primary_slot_name= -c restore_command=bash /config/fetch-log.sh " in said


def test_a_restart_closes_data_that_a_mount_opened_to_the_volume_s_group(filled: Scripts) -> None:
    """What kubelet leaves with an `fsGroup`: everything readable and writable for the group, setgid on folders."""
    filled.data.chmod(0o2770)
    assert filled.start() == 0


def test_a_promoted_database_stays_a_primary_after_a_restart_and_asks_production_for_no_slot(filled: Scripts) -> None:
    (filled.data / "standby.signal").unlink()  # what pg_promote() does
    assert filled.start() == 0
    assert not (filled.data / "standby.signal").exists()
    assert filled.run == ["postgres"]


def test_a_slot_that_cannot_be_made_yet_is_asked_for_until_a_promotion_and_holds_up_nothing(filled: Scripts) -> None:
    sleep = filled.folder / "bin" / "sleep"
    # The third time, somebody has promoted it.
    sleep.write_text('#!/bin/bash\n[ "$(grep -c receivewal "$LOG")" -lt 3 ] || rm "$PGDATA/standby.signal"\n')
    sleep.chmod(0o755)
    assert filled.start(REFUSED="connection refused") == 0
    assert sorted(filled.run) == ["postgres", *["receivewal"] * 3]
    assert "connection refused" not in filled.told


def test_the_password_is_in_no_argument(filled: Scripts) -> None:
    filled.start()
    assert "hunter2" not in filled.said


def test_a_primary_s_synchronous_names_cannot_stop_the_promoted_database(filled: Scripts) -> None:
    """Inherited with postgresql.conf, they would make every commit wait for a replica of the lost site."""
    filled.start()
    said = filled.said
    assert "-c synchronous_standby_names= " in said
    assert "-c client_connection_check_interval=1s" in said


def test_what_a_standby_must_have_as_large_as_its_primary_is_read_from_the_copied_data(filled: Scripts) -> None:
    filled.start()
    said = filled.said
    for setting in (
        "max_connections=300",
        "max_worker_processes=16",
        "max_wal_senders=12",
        "max_prepared_transactions=5",
        "max_locks_per_transaction=128",
    ):
        assert f"-c {setting} " in said


@pytest.mark.parametrize(
    ("version", "setting", "known"),
    [
        ("17", "io_method", False),
        ("18", "io_method", True),
        ("16", "summarize_wal", False),
        ("17", "summarize_wal", True),
    ],
)
def test_a_setting_of_newer_servers_is_not_named_to_an_older_one(
    filled: Scripts, version: str, setting: str, known: bool
) -> None:
    (filled.data / "PG_VERSION").write_text(f"{version}\n")
    filled.start()
    assert (setting in filled.said) == known


def test_an_image_without_glibc_is_refused_before_anything_is_copied(scripts: Scripts) -> None:
    getconf = scripts.folder / "bin" / "getconf"
    getconf.write_text("#!/bin/sh\nexit 1\n")  # as musl's
    getconf.chmod(0o755)
    assert scripts.start() == 64
    assert scripts.run == []
    assert "Set postgresImage to a Debian image" in scripts.told


def test_further_settings_come_last_and_win(filled: Scripts) -> None:
    filled.start(*settings_arguments({"max_connections": "300"}))
    (server,) = [line for line in filled.said.splitlines() if line.startswith("postgres")]
    assert server.endswith("-c max_connections=300")


def test_the_application_enters_by_the_socket_and_is_rejected_on_every_host_line() -> None:
    text = pg_hba(database="ultramarket", application="app", pods=["10.1.0.0/16", "0.0.0.0/0"])
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    admitting = [line for line in lines if line[-1] != "reject" and {"app", "all"} & {*line[2].split(",")}]
    assert admitting == [["local", "ultramarket", "app,dr_promoter", "scram-sha-256"]]
    shut = lines.index(["host", "all", "app,dr_guard", "all", "reject"])
    assert shut < min(n for n, line in enumerate(lines) if line[0] == "host" and line[-1] != "reject")
    assert ["local", "all", "all", "reject"] in lines and lines[-1] == ["host", "all", "all", "all", "reject"]
    assert {line[-1] for line in lines} == {"scram-sha-256", "reject"}


def test_the_socket_is_in_the_gate_s_folder_and_its_group_alone_may_use_it(filled: Scripts) -> None:
    filled.start()
    assert "-c unix_socket_directories=/socket -c unix_socket_permissions=0770 " in filled.said
