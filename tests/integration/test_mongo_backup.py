"""Copies of a running server: what is in them, where they stand, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import bson
import pytest

from engines.mongo.contents import batches, stored
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor
from lab.ultramarket.mongo_server import MongoServer
from recovery.copies.cluster_time import ClusterTime
from recovery.errors import DrError, Failed, Refused, Unreachable
from tests.support.mongo_data import EVERY_TYPE, KEPT, documents
from tests.support.mongo_relay import Asked
from tests.support.mongo_site import MongoSite, through
from tests.support.tls import certificate


@pytest.fixture
def database(mongo: MongoSite) -> Iterator[Any]:
    """The site's, with a little in it."""
    with mongo.server.client() as client:
        made = client[mongo.database]
        made.command({"create": "orders", **KEPT})
        made["orders"].insert_many([{"_id": number, **EVERY_TYPE} for number in range(300)])
        yield made


def data(site: MongoSite, name: str) -> bytes:
    """What a dump holds of a collection."""
    manifest = site.back_up().manifest
    (found,) = [each for each in stored(site.store, manifest) if each.collection.name == name]
    return b"".join(map(bytes, batches(site.store, found)))


def test_a_dump_holds_every_document_byte_for_byte_in_mongodumps_layout(mongo: MongoSite, database: Any) -> None:
    made = mongo.back_up()
    manifest, source = made.manifest, documents(database, "orders")
    assert [part.key.removeprefix(manifest.folder) for part in manifest.parts] == [
        "orders.metadata.json.zst",
        "orders.bson.zst",
    ]
    assert manifest.documents == {"orders": 300} and made.pointer_moved
    assert bson.decode(data(mongo, "orders")[:4096][: int.from_bytes(data(mongo, "orders")[:4], "little")])["_id"] == 0
    assert data(mongo, "orders") == b"".join(source.values())
    assert mongo.check().remark == "300 documents in 1 collections and views"


def test_3_a_dump_says_between_which_cluster_times_it_was_read(mongo: MongoSite, database: Any) -> None:
    def now() -> ClusterTime:
        with database.client.start_session() as session:
            database.client.admin.command("ping", session=session)
            return ClusterTime(session.operation_time.time, session.operation_time.inc)

    before = now()
    manifest = mongo.back_up().manifest
    start, stop = ClusterTime.parse(manifest.start_position), ClusterTime.parse(manifest.stop_position)
    database["orders"].insert_one({"_id": "after"})
    assert before <= start <= stop < now()
    assert manifest.as_of == stop.moment + timedelta(seconds=1)
    # Whatever comes after the start is in the stream from the token on.
    with database.watch(resume_after={"_data": manifest.resume_token}) as stream:
        assert next(stream)["documentKey"] == {"_id": "after"}


def test_1_every_read_has_what_was_there_when_the_stream_was_opened_and_of_a_majority(
    mongo: MongoSite, database: Any, block: Block
) -> None:
    with through(mongo, block) as (site, relay):
        manifest = site.back_up().manifest
    start = ClusterTime.parse(manifest.start_position)
    opened = [at for at, each in enumerate(relay.asked) if "aggregate" in each][1]  # the token was given back
    reads = [
        each for each in relay.asked[opened + 1 :] if next(iter(each)) in ("find", "listCollections", "listIndexes")
    ]
    assert {next(iter(each)) for each in reads} == {"find", "listCollections", "listIndexes"}
    for each in reads:
        said = each["readConcern"]["afterClusterTime"]
        assert ClusterTime(said.time, said.inc) >= start, each
        assert "find" not in each or each["readConcern"]["level"] == "majority"
    assert [each for each in relay.asked[:opened] if "find" in each] == []


def test_2_the_stream_is_open_and_its_token_proven_before_the_first_read_and_after_the_last(
    mongo: MongoSite, database: Any, block: Block
) -> None:
    with through(mongo, block) as (site, relay):
        manifest = site.back_up().manifest
    watched = [at for at, each in enumerate(relay.asked) if "aggregate" in each]
    read = [at for at, each in enumerate(relay.asked) if "find" in each]
    tokens = [relay.asked[at]["pipeline"][0]["$changeStream"].get("resumeAfter") for at in watched]
    assert tokens == [None, {"_data": manifest.resume_token}, {"_data": manifest.resume_token}]
    assert watched[1] < min(read) and max(read) < watched[2]


@pytest.mark.parametrize("code", [286, 280, 40585, 40615])
def test_2_a_dump_whose_token_is_not_taken_any_more_is_failed(
    mongo: MongoSite, database: Any, block: Block, code: int
) -> None:
    def lost(asked: Asked) -> Asked | None:
        resumed = "aggregate" in asked and "resumeAfter" in asked["pipeline"][0]["$changeStream"]
        if resumed and relay.commands("find"):
            return {"ok": 0.0, "code": code, "errmsg": "resume point may no longer be in the oplog"}
        return None

    said = rf"does not go on from .* any more \(error {code}\)"
    with through(mongo, block, answer=lost) as (site, relay), pytest.raises(Failed, match=said) as failure:
        site.back_up()
    assert "replSetResizeOplog" in failure.value.next_step
    assert not [key for key in mongo.object_keys() if key.endswith("manifest.json")]


def test_7_a_collection_without_post_images_is_refused_by_name_with_what_to_do(mongo: MongoSite, database: Any) -> None:
    for name in ("bare", "switched off"):
        database.create_collection(name)
    database.command({"collMod": "switched off", "changeStreamPreAndPostImages": {"enabled": False}})
    with pytest.raises(Refused, match=r"2 collections of .* keep no post-images.*'bare', 'switched off'") as refusal:
        mongo.back_up()
    assert "collMod" in refusal.value.next_step and mongo.object_keys() == []
    for name in ("bare", "switched off"):
        database.command({"collMod": name, "changeStreamPreAndPostImages": {"enabled": True}})
    mongo.back_up()


def test_an_empty_database_is_no_backup(mongo: MongoSite) -> None:  # faults 33, 35
    with pytest.raises(Failed, match="there is no collection in"):
        mongo.back_up()
    assert mongo.object_keys() == []


def test_a_server_that_is_no_replica_set_is_refused(mongo: MongoSite, database: Any, block: Block) -> None:  # fault 43
    alone = through(mongo, block, without=("setName", "hosts", "primary", "me"))
    with alone as (site, _), pytest.raises(Refused, match="is no replica set") as refusal:
        site.back_up()
    assert "rs.initiate()" in refusal.value.next_step


def test_a_router_of_a_sharded_cluster_is_refused(mongo: MongoSite, database: Any, block: Block) -> None:
    router = through(mongo, block, hello={"msg": "isdbgrid"}, without=("setName", "hosts", "primary", "me"))
    with router as (site, _), pytest.raises(Refused, match="is sharded"):
        site.back_up()


def test_nobody_there_is_told_in_one_line(mongo: MongoSite, block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.mongo.connection._CONNECT_SECONDS", 0.5)
    site = replace(mongo, more={"MONGO_URL": f"mongodb://{block.host(73)}:27017/"})
    with pytest.raises(Unreachable, match=f"MongoDB at {block.host(73)}:27017 does not answer: .*refused") as failure:
        site.back_up()
    assert "\n" not in failure.value.what and "MONGO_URL" in failure.value.next_step


def test_by_tls_only_a_server_that_its_authority_vouches_for_is_copied(
    mongo: MongoSite, block: Block, processes: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.mongo.connection._CONNECT_SECONDS", 2.0)
    authority, chain = certificate(tmp_path / "right", [block.host(73)])
    stranger, _ = certificate(tmp_path / "wrong", [block.host(73)])
    server = MongoServer(processes, tmp_path / "tls", block.host(73), "mongo-tls")
    server.start("--tls-cert-file", str(chain), "--tls-key-file", str(chain), authority=authority)
    with server.client(tls=True, tlsCAFile=str(authority)) as client:
        client["ultramarket"].command({"create": "orders", **KEPT})

    def site(**environment: str) -> MongoSite:
        return replace(mongo, server=server, database="ultramarket", more=environment)

    site(MONGO_CA=str(authority)).back_up()
    for environment, said in (
        ({"MONGO_CA": str(stranger)}, "does not agree on TLS: .*certificate verify failed"),
        ({"MONGO_TLS": "yes"}, "does not agree on TLS: .*certificate verify failed"),
        ({"MONGO_CA": str(tmp_path / "none")}, "MONGO_CA .* cannot be used: there is no such file"),
        ({}, "does not answer|was lost"),
    ):
        with pytest.raises(DrError, match=said) as failure:
            site(**environment).back_up()
        assert "\n" not in failure.value.what
