"""MongoDB's log in real parts: the stand-in's change stream, the shipper under its lease, S3 and what S3 may do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engines.mongo.log import MongoLog
from engines.mongo.log_bucket import gaps, listed, position_now
from engines.mongo.log_reader import events
from engines.shipping import Heard, Terms
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS, wait_until
from lab.ultramarket.mongo_server import MongoServer
from operations.copies.ship_log import Shipper, ShippingOrder
from recovery.copies.mongo_log import RANGES, chain, parse_key
from recovery.errors import Corrupt, DrError, Refused
from recovery.plan.loading import load_plan
from tests.support.clients import destroy_bucket
from tests.support.fakes import held_lease
from tests.support.mongo_data import KEPT, content
from tests.support.mongo_site import MongoSite, with_bucket
from tests.support.plans import ROOT
from tests.support.restore_site import flipped
from tests.support.s3_faults import Faults, refuses, resets


@pytest.fixture
def database(mongo: MongoSite) -> Iterator[Any]:
    """With one collection."""
    with mongo.server.client() as client:
        client[mongo.database].command({"create": "things", **KEPT})
        yield client[mongo.database]


@pytest.fixture
def in_s3(mongo: MongoSite, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[MongoSite]:
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    site = with_bucket(mongo, aws)
    yield site
    destroy_bucket(site.s3, site.store.bucket)


class Told:
    """What a shipper says."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.trouble: list[DrError] = []

    @property
    def heard(self) -> Heard:
        return Heard(says=self.said.append, trouble=self.trouble.append)


@contextmanager
def shipping(site: MongoSite) -> Iterator[Told]:
    """`dr ship-log mongo` in a thread, with what it says. It ends in order."""
    told = Told()
    section = load_plan(ROOT / "recovery.yaml").datasets.mongo.model_copy(update={"database": site.database})
    terms = Terms(every=timedelta(seconds=0.2), lock=timedelta(days=1), section=section, environment=site.environment)
    order = ShippingOrder(site="prod", terms=terms, renewal=timedelta(seconds=0.1))
    shipper = Shipper(MongoLog(), order, site.store, site.leases, clock=lambda: datetime.now(UTC), heard=told.heard)
    thread = threading.Thread(target=shipper.run, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        shipper.end()
        thread.join(HUNG_SECONDS)
        assert not thread.is_alive()


def ids(site: MongoSite) -> list[Any]:
    """Of what was inserted, as the bucket's newest line has it."""
    line = listed(site.store).lines[-1]
    end = max((each.end for each in line.pieces), default=0)
    start = min((each.start for each in line.pieces), default=0)
    found = events(site.store, chain(line.pieces, start, end))
    return [each.content["documentKey"]["_id"] for each in found if each.kind == "insert"]


def until_it_has(site: MongoSite, count: int) -> None:
    wait_until(lambda: len(ids(site)) >= count, what=f"{count} changes in the bucket")


def begun(site: MongoSite) -> None:
    wait_until(lambda: position_now(site.store) is not None, what="a position")


def test_a_change_is_in_the_bucket_within_seconds_and_a_restart_goes_on(mongo: MongoSite, database: Any) -> None:
    with shipping(mongo):
        begun(mongo)
        database["things"].insert_many([{"_id": number} for number in range(5)])
        until_it_has(mongo, 5)
    database["things"].insert_one({"_id": 5})
    with shipping(mongo) as told:
        until_it_has(mongo, 6)
    assert ids(mongo) == [0, 1, 2, 3, 4, 5]
    assert gaps(mongo.store) == [] and told.trouble == []
    assert any(each.startswith("shipping on from") for each in told.said)


def test_what_s3_does_to_it_is_told_and_loses_nothing(in_s3: MongoSite, database: Any) -> None:
    faults = Faults(in_s3.store, "PutObject", "/ranges/")
    with shipping(in_s3) as told:
        begun(in_s3)
        faults.next = [refuses(403, "AccessDenied"), refuses(500, "InternalError"), *[resets] * 6]
        faults.next += [refuses(503, "SlowDown")] * 6
        database["things"].insert_many([{"_id": number} for number in range(3)])
        wait_until(lambda: not faults.next, what="every fault to be met")
        database["things"].insert_one({"_id": 3})
        until_it_has(in_s3, 4)
    assert ids(in_s3) == [0, 1, 2, 3]
    assert told.trouble and gaps(in_s3.store) == []


def test_68_a_shipper_whose_lease_has_moved_stops(mongo: MongoSite, database: Any) -> None:
    with shipping(mongo) as told:
        begun(mongo)
        mongo.leases.lease = held_lease("dr", epoch=2)
        wait_until(lambda: any("waiting" in each for each in told.said), what="it to wait")
        stored = list(mongo.store.objects)
        database["things"].insert_one({"_id": 1})
        assert list(mongo.store.objects) == stored
    assert any("this shipper has stopped" in each.what for each in told.trouble)


def test_a_wrong_address_is_told_and_tried_again(mongo: MongoSite, database: Any) -> None:
    wrong = replace(mongo, more={"MONGO_URL": "http://nowhere"})
    with shipping(wrong) as told:
        wait_until(lambda: len(told.trouble) > 1, what="it to be told twice")
    assert all(isinstance(each, Refused) and "no address" in each.what for each in told.trouble)
    assert mongo.store.objects == {}


def test_a_collection_without_post_images_is_told_and_nothing_is_shipped(mongo: MongoSite, database: Any) -> None:
    database.create_collection("without")
    with shipping(mongo) as told:
        wait_until(lambda: bool(told.trouble), what="it to be told")
    assert "keep no post-images" in told.trouble[0].what and "collMod" in told.trouble[0].next_step
    assert mongo.store.objects == {}


def test_50_a_flipped_byte_in_any_object_is_found_before_the_target_is_touched(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:
    with shipping(mongo):
        begun(mongo)
        database["things"].insert_one({"_id": 0})
        mongo.back_up()
        for number in range(1, 4):
            database["things"].insert_one({"_id": number, "text": "x" * 2000})
            until_it_has(mongo, number + 1)
    line = listed(mongo.store).lines[0]
    read = [each for each in mongo.store.objects if each.startswith(RANGES)]
    assert len(read) == len(line.pieces) >= 3
    found = 0
    for key in read:
        whole = mongo.store.objects[key]
        mongo.store.objects[key] = flipped(whole, len(whole) // 2)
        try:
            mongo.restore(mongo_target.url)
        except Corrupt as error:
            assert key in error.what
            found += 1
        finally:
            mongo.store.objects[key] = whole
        with mongo_target.client() as client:
            assert mongo.database not in client.list_database_names() or key != read[-1]
            client.drop_database(mongo.database)
    assert found >= len(read) - 1  # what is before the dump is not read
    done = mongo.restore(mongo_target.url)
    with mongo_target.client() as client:
        assert content(client[mongo.database]) == content(database)
    assert done.replayed >= 3
    assert all(parse_key(key) for key in read)
