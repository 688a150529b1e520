"""What a server may do and S3 may answer while a copy is made: it is a whole backup afterwards, or none."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from lab.aws.site import Aws
from lab.machine.addresses import Block
from recovery.errors import DrError, Failed, Refused
from tests.support.mongo_data import KEPT
from tests.support.mongo_relay import Asked
from tests.support.mongo_site import MongoSite, through, with_bucket
from tests.support.s3_faults import Fault, Faults, bulk_faults, refuses, resets


@pytest.fixture
def database(mongo: MongoSite) -> Iterator[Any]:
    """The site's, with more in it than one answer holds."""
    with mongo.server.client() as client:
        made = client[mongo.database]
        made.command({"create": "orders", **KEPT})
        made["orders"].insert_many([{"_id": number, "noise": b"x" * 3000} for number in range(3000)])
        yield made


def _is(asked: Asked, name: str) -> bool:
    """Not of the change stream, which goes on by itself."""
    return name in asked and not (name == "getMore" and asked["collection"] != "orders")


def no(code: int, said: str) -> Callable[[str], Callable[[Asked], Asked | None]]:
    """Every command of that name is answered so."""

    def to(name: str) -> Callable[[Asked], Asked | None]:
        return lambda asked: {"ok": 0.0, "code": code, "errmsg": said} if _is(asked, name) else None

    return to


def ends(name: str) -> Callable[[Asked], Asked | None]:
    """The connection does, when a command of that name is asked."""

    def answer(asked: Asked) -> Asked | None:
        if _is(asked, name):
            raise ConnectionError(name)
        return None

    return answer


WRONG: dict[str, tuple[Callable[[Asked], Asked | None], type[DrError], str]] = {
    "the connection ends": (ends("getMore"), DrError, "was lost: |connection closed"),
    "a collection is dropped": (no(175, "collection dropped")("getMore"), Failed, "'orders' was dropped, renamed or"),
    "the cursor is gone": (no(43, "cursor id not found")("getMore"), Failed, r"while it was read \(error 43\)"),
    "a login that may not read": (no(13, "not authorized")("find"), Refused, "does not let this login: not authorized"),
    "the server is ending": (no(11600, "interrupted at shutdown")("getMore"), DrError, "ended the request|was lost"),
    "no stream is to be had": (no(40573, "only supported on replica sets")("aggregate"), Failed, "only supported on"),
    "something else": (no(2, "bad value")("find"), Failed, "says: bad value"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_server_does_wrong_is_told_and_no_backup(
    mongo: MongoSite, database: Any, block: Block, what: str
) -> None:
    answer, kind, said = WRONG[what]
    with through(mongo, block, answer=answer) as (site, _), pytest.raises(kind, match=said) as failure:
        site.back_up()
    assert failure.value.next_step and "\n" not in failure.value.what
    assert not [key for key in mongo.object_keys() if key.endswith("manifest.json")]


def test_a_copy_that_takes_longer_than_the_plan_allows_is_failed(mongo: MongoSite, database: Any) -> None:
    with pytest.raises(Failed, match="was not copied within 0:00:00"):
        mongo.back_up(time_limit=timedelta(0))
    assert not [key for key in mongo.object_keys() if key.endswith("manifest.json")]


@pytest.fixture
def site(mongo: MongoSite, database: Any, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> MongoSite:
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    return with_bucket(mongo, aws)


@pytest.mark.parametrize("fault", [refuses(403, "AccessDenied"), resets], ids=["403", "reset"])
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_an_upload_that_s3_does_not_take_leaves_no_backup(site: MongoSite, operation: str, fault: Fault) -> None:
    faults = bulk_faults(site.store, operation, "orders.bson.zst")
    faults.always = fault
    with pytest.raises(DrError) as error:
        site.back_up()
    assert faults.asked and error.value.next_step
    assert [key.rpartition("/")[2] for key in site.object_keys()] == ["orders.metadata.json.zst"]
    assert site.s3.list_multipart_uploads(Bucket=site.store.bucket).get("Uploads", []) == []
    faults.always = None
    site.back_up()
    site.check()


@pytest.mark.parametrize("fault", [refuses(503, "SlowDown"), resets], ids=["503", "reset"])
def test_a_part_that_s3_loses_once_is_sent_again(site: MongoSite, fault: Fault) -> None:
    faults = bulk_faults(site.store, "UploadPart", "orders.bson.zst")
    faults.next = [fault]
    site.back_up()
    assert len(faults.asked) >= 2
    site.check()


@pytest.mark.parametrize("fault", [refuses(403, "AccessDenied"), resets], ids=["403", "reset"])
def test_without_its_manifest_it_is_no_backup_and_the_next_run_makes_one(site: MongoSite, fault: Fault) -> None:
    faults = Faults(site.store, "PutObject", "manifest.json")
    faults.always = fault
    with pytest.raises(DrError):
        site.back_up()
    assert [entry.manifest for entry in site.engine().entries(site.store)] == [None]
    faults.always = None
    made = site.back_up()
    assert [bool(entry.manifest) for entry in site.engine().entries(site.store)].count(True) == 1
    assert made.pointer_moved
    site.check(made.manifest.id)
