"""`dr check wall` against a real PostgreSQL: what its pg_hba.conf decides, and what is kept of it."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cloud.control_table import ControlTable
from cloud.guard_reports import DynamoGuardReports
from cloud.wall_store import DynamoWallStore
from engines.postgres.wall import knock
from lab.aws.site import Aws, scrubbed_environment
from lab.machine.processes import HUNG_SECONDS, die_with_parent
from lab.ultramarket.primary import APPLICATION, DATABASE, Primary
from recovery.errors import Unreachable
from recovery.lease.wall import WallCheck
from tests.support.command_line import DR
from tests.support.plans import ROOT
from tests.support.promotion import guard_report
from tests.support.silence import silent_port

Check = Callable[..., tuple[int, str, str]]
TableAt = Callable[[str], ControlTable]


@pytest.fixture
def check(aws: Aws, postgres: Primary, control_table: str) -> Check:
    """`dr check wall --site prod` at production: exit code, output, errors. The environment has another's login."""
    login = {"PGUSER": "dr_backup", "PGPASSWORD": postgres.passwords["dr_backup"], "PGSSLMODE": "require"}

    def run(*arguments: str, database: str = f"{postgres.address}:5432") -> tuple[int, str, str]:
        done = subprocess.run(
            [DR, "check", "wall", "--site", "prod", "--database", database, *arguments], cwd=ROOT,
            env={**scrubbed_environment(), **aws.env("prod"), **login}, capture_output=True, text=True,
            timeout=HUNG_SECONDS, check=False, preexec_fn=die_with_parent(),
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def test_in_a_pod_of_the_site_silence_holds_once_its_guard_has_logged_in_to_the_same_address(
    check: Check, table_at: TableAt
) -> None:
    reports, store = DynamoGuardReports(table_at("prod")), DynamoWallStore(table_at("operator"))
    with silent_port() as port:
        database = f"127.0.0.1:{port}"
        # Later than the silence, however long a check takes.
        report = guard_report(site="prod", at=datetime.now(UTC) + timedelta(hours=1))
        assert report.database
        reports.write(replace(report, database=replace(report.database, address=database)))
        code, output, _ = check("--json", database=database)
        assert (code, json.loads(output)["state"], store.wall("prod")) == (3, "UNKNOWN", None)
        code, _, said = check("--inside", database=database)
        held = store.wall("prod")
        assert code == 0 and held and held.holds and "then the site's guard logged in to it" in said
        reports.write(report)
        code, _, said = check("--inside", database=database)
        assert code == 3 and "Next: give the check the address of the guard's --upstream" in said
        assert store.wall("prod") == held


def admit(postgres: Primary, line: str) -> None:
    """A line in front of pg_hba.conf."""
    hba = postgres.data / "pg_hba.conf"
    hba.write_text(f"{line}\n{hba.read_text()}")
    with postgres.connect() as connection:
        connection.execute("SELECT pg_reload_conf()")


def test_a_wall_that_holds_is_kept_with_its_date_until_it_is_found_open(
    check: Check, postgres: Primary, table_at: TableAt
) -> None:
    store = DynamoWallStore(table_at("operator"))
    assert store.wall("prod") is None
    code, _, said = check()
    assert code == 0, said
    assert said.startswith("OK: at site prod the database at ") and "pg_hba.conf rejects connection for host" in said
    held = store.wall("prod")
    assert held and held.holds and datetime.now(UTC) - held.at < timedelta(minutes=2)
    assert held.words.startswith("pg_hba.conf rejects connection")

    admit(postgres, f"host all {APPLICATION} 127.0.0.0/8 scram-sha-256")
    code, output, said = check("--json")
    assert code == 2 and json.loads(output)["state"] == "CRITICAL"
    assert "CRITICAL: at site prod" in said and "Next: the lease does not fence what comes this way" in said
    opened = store.wall("prod")
    assert opened and not opened.holds and "password" in opened.words
    assert store.wall("dr") is None

    code, output, said = check("--json", database=f"{postgres.address}:5999")
    assert code == 3 and json.loads(output)["state"] == "UNKNOWN"
    assert "nothing was kept" in said and store.wall("prod") == opened


@pytest.mark.parametrize(
    ("line", "holds", "words"),
    [
        ("", True, "pg_hba.conf rejects connection"),
        (f"host all {APPLICATION} all trust", False, "without a password"),
        (f"host postgres {APPLICATION} all scram-sha-256", True, "pg_hba.conf rejects connection"),
        (f"hostnossl {DATABASE} {APPLICATION} all scram-sha-256", False, "no password supplied"),
        (f"host all {APPLICATION} all password", False, "no password supplied"),
    ],
)
def test_the_database_decides_before_it_asks_for_a_password(
    postgres: Primary, line: str, holds: bool, words: str
) -> None:
    if line:
        admit(postgres, line)
    found, said = knock(postgres.address, 5432, database=DATABASE, role=APPLICATION)
    assert (found, words in said) == (holds, True), said


def test_a_database_that_is_not_there_proves_nothing(postgres: Primary) -> None:
    with pytest.raises(Unreachable):
        knock(postgres.address, 5999, database=DATABASE, role=APPLICATION)


def test_another_user_reaches_the_socket_as_a_member_of_its_group_and_not_otherwise(postgres: Primary) -> None:
    """What fsGroup makes of the guard in the database's Pod. The folder is open, as an emptyDir is."""
    if postgres.uid is None:
        pytest.skip("only root can become two other users")
    postgres.folder.chmod(0o711)
    postgres.socket.chmod(0o777)
    group = postgres.uid  # the server's primary group has its number

    def knocks(*groups: int) -> int:
        return subprocess.run(
            [postgres.postgres.bin / "pg_isready", "-q", "-U", "x", "-h", postgres.socket],
            env=postgres.postgres.env(), timeout=HUNG_SECONDS, check=False, user=10001, group=10001,
            extra_groups=groups,
        ).returncode  # fmt: skip

    assert (knocks(group), knocks()) == (0, 2)


def test_an_older_check_does_not_replace_a_newer_one(table_at: TableAt) -> None:
    store = DynamoWallStore(table_at("operator"))
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    newer = WallCheck(site="dr", holds=False, at=now, address="a:1", asked_from="h", words="w")
    store.record(newer)
    store.record(WallCheck(site="dr", holds=True, at=now - timedelta(days=1), address="a:1", asked_from="h", words="w"))
    assert store.wall("dr") == newer
