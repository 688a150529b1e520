"""`dr restore` as people run it: first what it would do, then doing it; on a machine with nothing but a bucket."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE
from recovery.lease.lease import format_lsn
from tests.support.backup_site import Site, site_with_bucket
from tests.support.plans import ROOT
from tests.support.restore_site import Place, lsn, order, orders
from tests.support.restore_site import place as place  # fixture
from tests.support.wal_shipping import Shipper


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(backup_source, aws, tmp_path, monkeypatch)


class Machine:
    """An empty folder, PostgreSQL's programs, credentials, and `dr`: neither a plan nor a database's address."""

    def __init__(self, site: Site, aws: Aws, place: Place, folder: Path) -> None:
        self.place, self.folder, uid = place, folder, site.primary.uid
        self.options = [f"--bucket={site.store.bucket}", "--region=us-east-1", f"--into={place.into}"]
        self.options += [f"--owner={uid}"] if uid is not None else []
        self.environment = {**aws.env("prod"), "PATH": site.environment["PATH"], "PYTHONPATH": str(ROOT)}

    def dr(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "scripts.dr", "restore", "postgres", *self.options, *options],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=HUNG_SECONDS,
            check=False,
        )


@pytest.fixture
def machine(site: Site, aws: Aws, place: Place, tmp_path: Path) -> Machine:
    (tmp_path / "empty").mkdir()
    return Machine(site, aws, place, tmp_path / "empty")


def test_an_empty_machine_needs_the_bucket_and_credentials_alone(site: Site, machine: Machine) -> None:  # pitfall 15
    client = os.urandom(4).hex()
    made = site.back_up().manifest
    with site.primary.connect() as session:
        order(session, f"first {client}", 7)
        between = lsn(session)
        order(session, f"second {client}", 7)
    Shipper(site).ship()

    shown = machine.dr("--to", format_lsn(between))
    assert shown.returncode == EXIT_DONE, shown.stderr
    for word in (made.id, "what can be restored:", "time, all", "are free", "Nothing was done. Next: the same with"):
        assert word in shown.stdout
    assert machine.place.untouched()

    planned = json.loads(machine.dr("--to", format_lsn(between), "--json").stdout)
    assert planned["backup"] == made.id and planned["position"] == format_lsn(between)
    assert planned["forecast_seconds"] > 0 and planned["disk_bytes"] > planned["stored_bytes"] > 0

    done = machine.dr("--to", format_lsn(between), "--json", "--execute")
    assert done.returncode == EXIT_DONE, done.stderr
    assert json.loads(done.stdout)["restored"] is True
    with machine.place.start() as session:
        assert [orders(session, f"{name} {client}")[0] for name in ("first", "second")] == [7, 0]
    machine.place.stop()

    again = machine.dr("--execute")
    assert again.returncode == EXIT_REFUSED and "is not empty" in again.stderr and "Next:" in again.stderr


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--to", "2026-11-30T12:00:00"], EXIT_REFUSED, "has no time zone"),
        (["--to", "yesterday"], EXIT_REFUSED, "is no point to restore to"),
        ([], EXIT_REFUSED, "nothing can be restored"),
        (["--bucket=nobody-has-this-bucket"], EXIT_REFUSED, "does not exist"),
        (["--region="], EXIT_REFUSED, "add --region"),
        (["--nonsense"], EXIT_USAGE, "nonsense"),
    ],
)
def test_what_cannot_be_is_told_in_one_message(machine: Machine, options: list[str], code: int, words: str) -> None:
    said = machine.dr(*options)
    assert said.returncode == code, said.stderr
    assert words in said.stderr and "Traceback" not in said.stderr
    assert machine.place.untouched()


def test_a_damaged_backup_is_told_and_leaves_nothing(site: Site, machine: Machine) -> None:  # fault 50
    part = next(each for each in site.back_up().manifest.parts if each.key.endswith("base.tar.zst"))
    site.rewrite(part.key, lambda body: body[:1000] + bytes([body[1000] ^ 1]) + body[1001:])
    said = machine.dr("--execute")
    assert said.returncode == EXIT_FAILED and "was changed: its SHA-256" in said.stderr
    assert machine.place.untouched()


def test_a_standby_is_the_newest_backup_whose_log_is_left_to_its_server(site: Site, machine: Machine) -> None:
    site.back_up()
    Shipper(site).ship()
    stops = machine.dr("--as-standby", "--to", "0/3000148", "--execute")
    assert stops.returncode == EXIT_REFUSED, stops.stdout
    shown = machine.dr("--as-standby")
    assert "left to the server" in shown.stdout and not machine.place.into.exists()
    done = machine.dr("--as-standby", "--execute", "--json")
    assert done.returncode == EXIT_DONE, done.stderr
    assert json.loads(done.stdout)["standby"] is True
    made = {path.name for path in machine.place.into.iterdir()}
    assert made >= {"standby.signal", "backup_label"} and "recovery.signal" not in made
    assert not list((machine.place.into / "pg_wal").glob("*.history")), "a restore that replays begins a new timeline"
