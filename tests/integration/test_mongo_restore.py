"""Dumps of a running server, restored into an empty one: what that has then, and what is found before it is touched."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bson import Int64

from engines.mongo.connection import TARGET, Address, connected
from engines.mongo.restore import NOT_IN_IT, fill, finish, writable
from engines.mongo.target import UNFINISHED
from engines.mongo.verify import verified
from lab.machine.addresses import Block
from lab.machine.processes import wait_until
from lab.ultramarket.mongo_server import MongoServer
from recovery.errors import Corrupt, DrError, Failed, Refused
from tests.support.mongo_data import EVERY_TYPE, KEPT, Workload, content, described
from tests.support.mongo_relay import Asked, MongoRelay, relaying
from tests.support.mongo_site import MongoSite, through
from tests.support.restore_site import Stock, flipped


@pytest.fixture
def database(mongo: MongoSite) -> Iterator[Any]:
    with mongo.server.client() as client:
        yield client[mongo.database]


@pytest.fixture
def target(mongo: MongoSite, mongo_target: MongoServer) -> Iterator[Any]:
    """The database that a restore makes."""
    with mongo_target.client() as client:
        yield client[mongo.database]


INDEXES: list[dict[str, Any]] = [
    {"key": {"a": -1, "b": 1}, "name": "descending first"},
    {"key": {"place": "2dsphere"}, "name": "sphere", "2dsphereIndexVersion": 3},
    {"key": {"name": 1}, "name": "partial", "partialFilterExpression": {"name": {"$exists": True}}},
    {"key": {"s": 1}, "name": "sparse", "sparse": True},
    {"key": {"c": 1}, "name": "collation", "collation": {"locale": "en", "strength": 2}},
    {"key": {"$**": 1}, "name": "wildcard"},
]
LAST: list[dict[str, Any]] = [
    {"key": {"code": 1}, "name": "unique", "unique": True, "sparse": True},
    {"key": {"at": 1}, "name": "ttl", "expireAfterSeconds": 10**8},
]


def everything(database: Any) -> None:
    """Collections of every kind, and names that no file system takes as they are."""
    for name in ("orders", "odd/name%x", "line\nend", "ünï code"):
        database.command({"create": name, **KEPT})
        database[name].insert_many([{"_id": number, **EVERY_TYPE} for number in range(50)])
    database.command({"create": "products", **KEPT, "validator": {"price": {"$gte": 0}}, "validationAction": "error"})
    database["products"].insert_many([{"_id": n, "price": n, "code": n, "place": [n / 10, 1.0]} for n in range(100)])
    database.command({"createIndexes": "products", "indexes": [*INDEXES, *LAST]})
    database.command({"create": "last", **KEPT, "capped": True, "size": Int64(100_000), "max": 10})
    database["last"].insert_many([{"_id": n} for n in (5, 3, 9, 1)])
    database.command({"create": "empty", **KEPT})
    database.command({"create": "cheap", "viewOn": "products", "pipeline": [{"$match": {"price": {"$lt": 10}}}]})


def test_11_12_everything_comes_back_as_it_was(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, target: Any
) -> None:
    everything(database)
    mongo.back_up()
    done = mongo.restore(mongo_target.url)
    assert content(target) == content(database)
    assert described(target) == described(database)
    assert [each["_id"] for each in target["last"].find()] == [5, 3, 9, 1]
    assert target["cheap"].count_documents({}) == 10
    assert done.documents == 304 and UNFINISHED not in target.list_collection_names()


@pytest.mark.parametrize("seed", range(3))
def test_a_random_history_that_goes_on_while_it_is_dumped_is_restored_equal_with_the_stream_after_it(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, target: Any, seed: int
) -> None:  # pitfalls 1, 2, 3, 9
    workload, over = Workload(database, seed), threading.Event()
    workload.make()
    for _ in range(800):
        workload.step()

    def go_on() -> None:
        while not over.is_set():
            workload.step()

    writing = threading.Thread(target=go_on)
    writing.start()
    try:
        wait_until(lambda: workload.next > 450, what="writing to go on")
        manifest = mongo.back_up().manifest
        reached = workload.next
        wait_until(lambda: workload.next > reached + 20, what="writing to go on after it")
    finally:
        over.set()
        writing.join()

    address = Address.of({}, TARGET, url=mongo_target.url)
    with connected(address) as client:
        restored = writable(client, mongo.database)
        held = fill(mongo.store, restored, verified(mongo.store, manifest), [])
        for _ in range(2):  # twice changes nothing
            _replay(database, restored, manifest.resume_token)
        finish(restored, held)
    assert content(target) == content(database)
    assert sum(len(each) for each in content(target).values()) > 200


def _replay(source: Any, restored: Any, token: str) -> None:
    """All that the stream has from `token` on, each as a whole document or its absence."""
    end = source["orders"].insert_one({"end": True}).inserted_id
    source["orders"].delete_one({"_id": end})
    with source.watch(resume_after={"_data": token}, full_document="updateLookup") as stream:
        for event in stream:
            key = event["documentKey"]
            collection = restored[event["ns"]["coll"]]
            if event["operationType"] == "delete":
                collection.delete_one(key)
                if key["_id"] == end:
                    return
            elif event.get("fullDocument"):
                collection.replace_one(key, event["fullDocument"], upsert=True)


def test_9_unique_and_ttl_indexes_are_made_last_and_by_themselves(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, target: Any
) -> None:
    everything(database)
    manifest = mongo.back_up().manifest
    with connected(Address.of({}, TARGET, url=mongo_target.url)) as client:
        restored = writable(client, mongo.database)
        held = fill(mongo.store, restored, verified(mongo.store, manifest), [])
        names = {each["name"] for each in target["products"].list_indexes()}
        assert names == {"_id_", *(each["name"] for each in INDEXES)}
        target["products"].insert_one({"_id": "twice", "price": 1, "code": 1})  # a log that has not got further
        target["products"].delete_one({"_id": "twice"})
        finish(restored, held)
    assert described(target)["products"] == described(database)["products"]


def test_13_users_are_in_no_copy_and_that_is_said(mongo: MongoSite, database: Any, mongo_target: MongoServer) -> None:
    everything(database)
    mongo.back_up()
    rows = mongo.plan(mongo_target.url).rows(str)
    assert [words for name, words in rows if name == "not in it"] == list(NOT_IN_IT)
    assert "users and roles" in NOT_IN_IT[0]
    assert "make its users and roles" in mongo.restore(mongo_target.url).next_step(mongo_target.url)


def test_a_document_that_was_read_twice_comes_back_once_as_it_was_later(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.command({"create": "orders", **KEPT})
    database["orders"].insert_many([{"_id": number, "n": 0} for number in range(10)])
    from engines.mongo import dump

    read = dump._Run._batches  # pyright: ignore[reportPrivateUsage]

    def twice(run: Any, name: str) -> Iterator[bytes]:
        """As if document 3 had been removed and inserted again behind the cursor."""
        yield from read(run, name)
        database["orders"].update_one({"_id": 3}, {"$set": {"n": 1}})
        yield from run._readable()[name].find_raw_batches({"_id": 3}, session=run.session)

    monkeypatch.setattr(dump._Run, "_batches", twice)  # pyright: ignore[reportPrivateUsage]
    assert mongo.back_up().manifest.documents == {"orders": 11}
    mongo.restore(mongo_target.url)
    assert content(target) == content(database)
    assert target["orders"].find_one({"_id": 3}) == {"_id": 3, "n": 1}


def test_12_a_time_series_is_copied_as_its_buckets_and_comes_back_as_a_time_series(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, target: Any, block: Block
) -> None:
    """The stand-in keeps no buckets, so the relay says what a server says that does."""
    options = {"timeseries": {"timeField": "at", "metaField": "shop"}, "expireAfterSeconds": Int64(10**9)}
    buckets = [{"_id": number, "meta": 1, "data": {"at": {"0": number}}} for number in range(5)]
    database["system.buckets.sales"].insert_many(buckets)
    database.command({"create": "orders", **KEPT})
    database.command({"create": "sales"})
    listed = [
        {"name": "orders", "type": "collection", "options": KEPT, "info": {}},
        {"name": "sales", "type": "timeseries", "options": options, "info": {}},
        {"name": "system.buckets.sales", "type": "collection", "options": {}, "info": {}},
        {"name": "system.views", "type": "collection", "options": {}, "info": {}},
    ]

    def answer(asked: Asked) -> Asked | None:
        if "listCollections" not in asked:
            return None
        return {"ok": 1.0, "cursor": {"id": Int64(0), "ns": f"{mongo.database}.$cmd", "firstBatch": listed}}

    with through(mongo, block, answer=answer) as (site, _):
        manifest = site.back_up().manifest
        assert [part.key.rpartition("/")[2] for part in manifest.parts] == [
            "orders.metadata.json.zst",
            "orders.bson.zst",
            "sales.metadata.json.zst",
            "system.buckets.sales.bson.zst",
        ]
        assert manifest.remarks == (
            "time series are as they were copied, since no change stream has their changes: sales",
        )
        del listed[2]  # a server that keeps them otherwise
        with pytest.raises(Refused, match=r"'sales' of .* is not kept in a collection system\.buckets\.sales"):
            site.back_up()
    back = (mongo_target.address, mongo_target.port)
    relay = MongoRelay(back, block.host(79), answer=lambda asked: {"ok": 1.0} if "collMod" in asked else None)
    with relaying(relay):
        relay.hello = {"hosts": [relay.host], "me": relay.host, "primary": relay.host}
        mongo.restore(relay.url)
    asked = relay.commands("create", "collMod")
    assert [each.get("create") for each in asked if "create" in each] == ["dr_restore_unfinished", "orders", "sales"]
    assert asked[2]["timeseries"] == options["timeseries"] and "expireAfterSeconds" not in asked[2]
    assert (asked[-1]["collMod"], asked[-1]["expireAfterSeconds"]) == ("sales", 10**9)
    assert list(target["system.buckets.sales"].find()) == buckets


def test_11_a_hashed_index_and_the_types_of_its_numbers_reach_the_target_as_they_were(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, block: Block
) -> None:
    """The stand-in makes no hashed ones, so the relay says that there is one, and that it was made."""
    specs: list[dict[str, Any]] = [
        {"v": 2, "key": {"_id": 1}, "name": "_id_"},
        {"v": 2, "key": {"_id": "hashed"}, "name": "hashed"},
        {"v": 2, "key": {"a": -1.0, "b": Int64(1), "c": 1}, "name": "numbers"},
        {"v": 2, "key": {"u": 1}, "name": "unique", "unique": True},
    ]
    database.command({"create": "orders", **KEPT})

    def says(asked: Asked) -> Asked | None:
        if "createIndexes" in asked:
            return {"ok": 1.0}
        if "listIndexes" not in asked:
            return None
        return {"ok": 1.0, "cursor": {"id": Int64(0), "ns": f"{mongo.database}.orders", "firstBatch": specs}}

    with through(mongo, block, answer=says) as (site, _):
        site.back_up()
    relay = MongoRelay((mongo_target.address, mongo_target.port), block.host(79), answer=says)
    with relaying(relay):
        relay.hello = {"hosts": [relay.host], "me": relay.host, "primary": relay.host}
        mongo.restore(relay.url)
    asked = [each["indexes"] for each in relay.commands("createIndexes")]
    assert asked == [specs[1:3], specs[3:]]
    assert [type(each) for each in asked[0][1]["key"].values()] == [float, Int64, int]
    assert list(asked[0][1]["key"]) == ["a", "b", "c"]


# What is refused, and found, before the target is touched.


def there(server: MongoServer) -> list[str]:
    with server.client() as client:
        return [each for each in client.list_database_names() if each not in ("admin", "config", "local")]


def test_14_one_flipped_byte_in_any_object_is_found_before_the_target_is_touched(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:  # fault 50
    everything(database)
    mongo.back_up()
    assert isinstance(mongo.store, Stock)
    keys = [key for key in mongo.store.objects if key.startswith("mongo/")]
    assert len(keys) == 16  # seven collections, a view, the manifest
    for key in keys:
        size = len(mongo.store.objects[key])
        for place in (0, size // 2, size - 1):
            damaged = replace(mongo, store=mongo.store.copy())
            damaged.store.objects[key] = flipped(damaged.store.objects[key], place)
            for what in (lambda: damaged.check(), lambda: damaged.restore(mongo_target.url)):  # noqa: B023
                with pytest.raises(DrError) as found:
                    what()
                assert key.rpartition("/")[2] in str(found.value), (key, place)
        assert there(mongo_target) == [], key


def test_14_a_cut_off_object_is_found_before_the_target_is_touched(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:
    everything(database)
    manifest = mongo.back_up().manifest
    (part,) = [part for part in manifest.parts if part.key.endswith("/orders.bson.zst")]
    assert isinstance(mongo.store, Stock)
    mongo.store.objects[part.key] = mongo.store.objects[part.key][:-10]
    with pytest.raises(DrError, match=r"cut off|not all there"):
        mongo.restore(mongo_target.url)
    assert there(mongo_target) == []


def test_54_a_target_with_data_is_refused_and_left_alone(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:
    everything(database)
    mongo.back_up()
    with mongo_target.client() as client:
        client["theirs"]["kept"].insert_one({"_id": 1})
        with pytest.raises(Refused, match="is not empty: it has theirs"):
            mongo.restore(mongo_target.url)
        assert there(mongo_target) == ["theirs"] and client["theirs"]["kept"].count_documents({}) == 1


def test_58_productions_own_deployment_is_refused_also_when_it_is_empty(mongo: MongoSite, database: Any) -> None:
    everything(database)
    mongo.back_up()
    with mongo.server.client() as client:
        client.drop_database(mongo.database)
    with pytest.raises(Refused, match=r"is the deployment that .* was made of"):
        mongo.restore(mongo.server.url)
    with pytest.raises(Refused, match=r"is the deployment that .* was made of"):
        mongo.restore(mongo.server.url, MONGO_URL="")


def test_a_target_that_is_production_by_its_own_variables_is_refused(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:  # a failed-over production is not the one that the copy is of
    everything(database)
    mongo.back_up()
    with pytest.raises(Refused, match="is the deployment"):
        mongo.restore(mongo_target.url, MONGO_URL=mongo_target.url)


def test_half_of_a_restore_is_told_and_not_gone_on_with(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, target: Any
) -> None:
    everything(database)
    manifest = mongo.back_up().manifest
    order = mongo.plan(mongo_target.url)
    assert order.backup == manifest
    from datetime import UTC, datetime

    target[UNFINISHED].insert_one({"backup": manifest.id, "begun": datetime(2026, 11, 30, tzinfo=UTC)})
    with pytest.raises(Refused, match=f"is half of a restore of {manifest.id}, begun at 2026-11-30") as refusal:
        mongo.restore(mongo_target.url)
    assert "db.dropDatabase()" in refusal.value.next_step
    assert target.list_collection_names() == [UNFINISHED]


def test_a_restore_that_fails_takes_away_what_it_made(
    mongo: MongoSite, database: Any, mongo_target: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(database)
    mongo.back_up()

    def fails(*_: Any) -> None:
        raise Failed("no index can be made", next_step="make room")

    monkeypatch.setattr("engines.mongo.restore.finish", fails)
    with pytest.raises(Failed, match="no index can be made"):
        mongo.restore(mongo_target.url)
    assert there(mongo_target) == []
    monkeypatch.undo()
    mongo.restore(mongo_target.url)


def test_of_a_moment_the_last_dump_before_it_is_taken(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:
    everything(database)
    first, second = mongo.back_up().manifest, mongo.back_up().manifest
    assert mongo.plan(mongo_target.url, first.id).backup == first
    early = (first.started - timedelta(seconds=5)).isoformat()
    with pytest.raises(Refused, match="is before the oldest backup") as refusal:
        mongo.plan(mongo_target.url, early)
    assert "what can be restored: " in refusal.value.next_step  # fault 55
    late = mongo.plan(mongo_target.url, (second.finished + timedelta(hours=1)).isoformat())
    assert late.backup in (first, second) and "before what was asked for" in dict(late.rows(str))["as of"]


def test_a_dump_whose_metadata_and_documents_do_not_belong_together_is_found(
    mongo: MongoSite, database: Any, mongo_target: MongoServer
) -> None:
    everything(database)
    manifest = mongo.back_up().manifest
    assert isinstance(mongo.store, Stock)
    key = manifest.folder + "manifest.json"
    wrong = {
        "has no documents of 'orders'": manifest.model_copy(
            update={"parts": tuple(each for each in manifest.parts if not each.key.endswith("/orders.bson.zst"))}
        ),
        "is of no collection of this dump": manifest.model_copy(
            update={
                "parts": tuple(each for each in manifest.parts if not each.key.endswith("/orders.metadata.json.zst"))
            }
        ),
        "its manifest says 51 in": manifest.model_copy(update={"documents": {**manifest.documents, "orders": 51}}),
    }
    for said, other in wrong.items():
        mongo.store.objects[key] = other.to_json()
        for what in (lambda: mongo.check(manifest.id), lambda: mongo.restore(mongo_target.url, manifest.id)):
            with pytest.raises(Corrupt, match=said):
                what()
    assert there(mongo_target) == []
