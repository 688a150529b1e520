"""Of which member of a replica set a copy is read."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engines.mongo import server as members
from lab.machine.addresses import Block
from recovery.errors import Refused
from recovery.lease.backup_runs import FROM_PRIMARY
from tests.support.mongo_data import KEPT
from tests.support.mongo_relay import MongoRelay, relaying
from tests.support.mongo_site import MongoSite

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PRIMARY = {"isWritablePrimary": True, "secondary": False}
SECONDARY = {"isWritablePrimary": False, "secondary": True}


def written(behind: float) -> dict[str, Any]:
    """The last write that a member has, so many seconds before the newest."""
    return {"lastWrite": {"lastWriteDate": NOW - timedelta(seconds=behind)}}


@contextmanager
def replica_set(site: MongoSite, block: Block, *said: dict[str, Any]) -> Iterator[tuple[MongoSite, list[MongoRelay]]]:
    """`site` whose one server seems to be a set, each of whose members says something else of itself."""
    with ExitStack() as stack:
        back = (site.server.address, site.server.port)
        relays = [stack.enter_context(relaying(MongoRelay(back, block.host(74 + at)))) for at in range(len(said))]
        hosts = [each.host for each in relays]
        primary = next((each.host for each, what in zip(relays, said, strict=True) if what["isWritablePrimary"]), None)
        for each, what in zip(relays, said, strict=True):
            each.hello = {"hosts": hosts, "me": each.host, **({"primary": primary} if primary else {}), **what}
            each.without = () if primary else ("primary",)
        yield replace(site, more={"MONGO_URL": f"mongodb://{','.join(hosts)}/?replicaSet=secantus"}), relays


@pytest.fixture(autouse=True)
def content(mongo: MongoSite) -> None:
    with mongo.server.client() as client:
        client[mongo.database].command({"create": "orders", **KEPT})
        client[mongo.database]["orders"].insert_one({"_id": 1})


def read_of(relays: list[MongoRelay]) -> list[bool]:
    """Of which the documents were read."""
    return [bool(each.commands("find")) for each in relays]


def test_the_secondary_that_has_most_is_read_and_the_primary_is_left_alone(mongo: MongoSite, block: Block) -> None:
    said = [PRIMARY | written(0), SECONDARY | written(9), SECONDARY | written(2)]
    with replica_set(mongo, block, *said) as (site, relays):
        made = site.back_up()
    assert read_of(relays) == [False, False, True] and made.remark == ""


def test_an_arbiter_and_one_that_starts_are_not_read(mongo: MongoSite, block: Block) -> None:
    said = [PRIMARY | written(0), {"isWritablePrimary": False, "secondary": False}, SECONDARY | written(0)]
    with replica_set(mongo, block, *said) as (site, relays):
        site.back_up()
    assert read_of(relays) == [False, False, True]


def test_where_every_secondary_is_behind_the_primary_is_read_and_that_is_said(mongo: MongoSite, block: Block) -> None:
    with replica_set(mongo, block, PRIMARY | written(0), SECONDARY | written(90)) as (site, relays):
        made = site.back_up()
    assert read_of(relays) == [True, False]
    assert made.remark == f"{FROM_PRIMARY} {relays[0].host}: {relays[1].host} is 1m 30s behind"


def test_where_no_secondary_answers_the_primary_is_read_and_that_is_said(
    mongo: MongoSite, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_ASKED_SECONDS", 0.5)
    with replica_set(mongo, block, PRIMARY | written(0), SECONDARY | written(0)) as (site, relays):
        gone = f"{block.host(79)}:27017"
        relays[0].hello = {**relays[0].hello, "hosts": [relays[0].host, gone]}
        made = replace(site, more={"MONGO_URL": relays[0].url}).back_up()
    assert made.remark.startswith(f"{FROM_PRIMARY} {relays[0].host}: MongoDB at {gone} does not answer")


def test_without_a_primary_the_secondary_is_read(mongo: MongoSite, block: Block) -> None:
    with replica_set(mongo, block, SECONDARY | written(0)) as (site, relays):
        made = site.back_up()
    assert read_of(relays) == [True] and made.remark == ""


def test_a_set_of_one_is_read_of_its_primary_and_that_is_no_fault(mongo: MongoSite) -> None:
    assert mongo.back_up().remark == ""


def test_a_set_that_has_nobody_to_read_is_refused(mongo: MongoSite, block: Block) -> None:
    with replica_set(mongo, block, SECONDARY | written(0)) as (site, relays):
        relays[0].hello = {**relays[0].hello, "hosts": [], "passives": []}
        with pytest.raises(Refused, match="no member of secantus can be read"):
            members.choose_member(
                members.Deployment(identity="x", version="7.0", set_name="secantus", hosts=()),
                members.Address.of(site.environment),
                replica_lag=timedelta(0),
            )
