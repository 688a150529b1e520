"""`dr ship-log postgres` as its Pod runs it: a process of its own, ended by whatever comes."""

import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from lab.ultramarket.primary import Primary
from recovery.copies.log import SEGMENTS
from recovery.names import Names
from recovery.plan.loading import load_plan
from scripts.dr import main
from scripts.output import ExitWith
from tests.support.clients import client, destroy_bucket
from tests.support.command_line import DR, environment
from tests.support.fakes import held_lease
from tests.support.log_site import LogSite, environment_of, s3_store, until
from tests.support.plans import ROOT

BUCKET = Names(load_plan(ROOT / "recovery.yaml"), "123456789012").backup_bucket("dr")


@pytest.fixture
def site(
    aws: Aws, postgres: Primary, lease_at: Callable[[str], DynamoLeaseStore], monkeypatch: pytest.MonkeyPatch
) -> Iterator[LogSite]:
    """Production with its lease held, and the DR bucket, empty."""
    for name, value in (aws.env("prod") | environment_of(postgres)).items():
        monkeypatch.setenv(name, value)
    lease_at("prod").create(held_lease())
    s3 = client(aws, "s3", "dr")
    place = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True, **place)
    yield LogSite(postgres, s3_store(BUCKET))
    destroy_bucket(s3, BUCKET)


class Shipper:
    """One process after the other."""

    def __init__(self, aws: Aws, site: LogSite, log: Path) -> None:
        self._env = environment(
            **aws.env("prod"), **environment_of(site.primary), DR_SITE="prod", DR_ACCOUNT="123456789012"
        )
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [DR, "ship-log", "postgres"], cwd=ROOT, env=self._env, stdout=log, stderr=log
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(HUNG_SECONDS)


@pytest.fixture
def shipper(aws: Aws, site: LogSite, tmp_path: Path) -> Iterator[Shipper]:
    made = Shipper(aws, site, tmp_path / "shipper.log")
    yield made
    made.process.kill()
    made.process.wait(HUNG_SECONDS)


def test_killed_again_and_again_it_loses_no_commit_and_stores_none_twice(site: LogSite, shipper: Shipper) -> None:
    stopped = threading.Event()
    written = list[int]()

    def write() -> None:
        while not stopped.wait(0.02):  # a steady writer, not one that takes the whole machine
            written.append(site.write(60_000))

    writer = threading.Thread(target=write, daemon=True)
    until(site.position, "it ships")
    writer.start()
    for kill in range(4):
        ships = shipper.said.count("shipping timeline")
        size = site.end()
        until(lambda size=size: site.end() > size, "the log grows")
        if kill == 2:
            site.fill_segment()  # at least one kill is near a compaction
        shipper.end(signal.SIGKILL)
        shipper.start()
        until(lambda ships=ships: shipper.said.count("shipping timeline") > ships, "it ships again")
    stopped.set()
    writer.join(HUNG_SECONDS)
    site.fill_segment()
    end = site.write()
    until(lambda: site.end() >= end, "all is in the bucket")
    until(lambda: site.keys(SEGMENTS), "whole segments")
    assert shipper.end(signal.SIGTERM) == 0
    assert len(site.stored()) == 1, "no hole"
    whole = site.wal_files()
    for start, name in whole:
        if site.stored()[0].start <= start and start + len(site.wal_file(name)) <= site.end():
            assert site.log(start, start + 16 * 2**20) == site.wal_file(name)
    assert "LOST" not in shipper.said


def test_sigterm_stores_what_has_come_and_ends_well(site: LogSite, shipper: Shipper) -> None:
    end = site.write()
    received = f"SELECT bool_and(write_lsn - '0/0' >= {end}) FROM pg_stat_replication"  # noqa: S608
    until(lambda: site.query(received), "it has come")
    assert shipper.end(signal.SIGTERM) == 0
    assert site.end() >= end
    assert (site.slot or 0) >= end, "the server knows as well"


def test_its_lines_have_no_secret_in_them(site: LogSite, shipper: Shipper) -> None:
    until(lambda: "shipping timeline" in shipper.said, "it ships")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ shipping timeline 1 from 0/[0-9A-F]+, epoch 1\n", shipper.said)
    assert environment_of(site.primary)["PGPASSWORD"] not in shipper.said


@pytest.mark.parametrize(
    ("words", "code"), [(["ship-log", "redis"], 64), (["ship-log", "postgres", "--site", "moon"], 2)]
)
def test_what_cannot_be_shipped_is_refused_in_one_message(words: list[str], code: int) -> None:
    with pytest.raises((ExitWith, SystemExit)) as ended:
        main(words)
    assert code in (getattr(ended.value, "code", None), getattr(ended.value, "exit_code", None))
