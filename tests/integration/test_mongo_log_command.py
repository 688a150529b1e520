"""`dr ship-log mongo` as its Pod runs it: a process of its own, killed again and again, and ended in order."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from engines.mongo.log_bucket import gaps, listed, position_now
from engines.mongo.log_reader import events
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS, wait_until
from lab.ultramarket.mongo_server import MongoServer
from recovery.copies.mongo_log import chain
from recovery.names import Names
from recovery.plan.loading import load_plan
from tests.support.clients import client, destroy_bucket
from tests.support.command_line import DR, environment
from tests.support.fakes import held_lease
from tests.support.mongo_data import KEPT
from tests.support.plans import ROOT

BUCKET = Names(load_plan(ROOT / "recovery.yaml"), "123456789012").backup_bucket("dr")


@pytest.fixture
def store(aws: Aws, lease_at: Callable[[str], DynamoLeaseStore], monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Bucket]:
    """The DR bucket, empty; production holds the lease."""
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    lease_at("prod").create(held_lease())
    s3 = client(aws, "s3", "dr")
    place = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True, **place)
    yield S3Bucket(BUCKET, "us-west-2")
    destroy_bucket(s3, BUCKET)


def ids(store: S3Bucket) -> list[Any]:
    """Of what was inserted, as the bucket has it."""
    pieces = [piece for line in listed(store).lines for piece in line.pieces]
    if not pieces:
        return []
    held = chain(pieces, min(each.start for each in pieces), max(each.end for each in pieces))
    return [each.content["documentKey"]["_id"] for each in events(store, held) if each.kind == "insert"]


def test_killed_again_and_again_it_loses_no_change_and_stores_none_twice(
    aws: Aws, store: S3Bucket, mongo_target: MongoServer, tmp_path: Path
) -> None:
    variables = environment(**aws.env("prod"), **mongo_target.environment, DR_SITE="prod", DR_ACCOUNT="123456789012")
    said = tmp_path / "shipper.log"

    def start() -> subprocess.Popen[bytes]:
        with said.open("ab") as log:
            return subprocess.Popen([DR, "ship-log", "mongo"], cwd=ROOT, env=variables, stdout=log, stderr=log)

    with mongo_target.client() as asked:
        database = asked["ultramarket"]
        database.command({"create": "things", **KEPT})
        process = start()
        try:
            wait_until(lambda: position_now(store) is not None, what="a position")
            for number in range(3):
                database["things"].insert_many([{"_id": 10 * number + each} for each in range(3)])
                process.kill()
                process.wait(HUNG_SECONDS)
                process = start()
                wait_until(lambda count=number: len(ids(store)) == 3 * count + 3, what="what it had not stored")
            database["things"].insert_one({"_id": 99})
            wait_until(lambda: len(ids(store)) == 10, what="the last change")
            process.send_signal(signal.SIGTERM)
            assert process.wait(HUNG_SECONDS) == 0
        finally:
            process.kill()
            process.wait(HUNG_SECONDS)
    assert ids(store) == [0, 1, 2, 10, 11, 12, 20, 21, 22, 99], said.read_text()
    assert gaps(store) == []
    assert "Traceback" not in said.read_text() and "shipping on from" in said.read_text()
