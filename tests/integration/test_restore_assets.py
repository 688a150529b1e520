"""`dr restore assets` on versioned buckets, as people run it after ransomware or a `--delete`."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud.versions import S3Versions
from lab.aws.site import Aws
from lab.machine.processes import wait_until
from recovery.copies.assets import by_key
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Refused
from recovery.ports.versions import Version
from tests.support.clients import client, destroy_bucket, make_bucket
from tests.support.command_line import dr_here

COPY = "ultramarket-assets-123456789012-us-west-2"
SERVED = {"ContentType": "image/png", "CacheControl": "max-age=60", "Metadata": {"artist": "o'zbek"}}
PART = 5 * 1024 * 1024  # the smallest that S3 takes


@dataclass
class Shop:
    """Production's bucket and its client."""

    s3: Any
    bucket: str
    region: str = "us-east-1"

    def put(self, key: str, body: bytes, **of: Any) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **of)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def get(self, key: str) -> bytes | None:
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None

    def versions(self) -> S3Versions:
        return S3Versions(self.bucket, self.region)

    def stack(self, key: str) -> list[Version]:
        return dict(by_key(self.versions().versions("")))[key]


@pytest.fixture
def shop(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """An empty one, reached as from production's network."""
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    s3 = client(aws, "s3", "prod")
    made = Shop(s3, make_bucket(s3, "shop", "us-east-1"))
    yield made
    aws.reach.restore_all()
    destroy_bucket(s3, made.bucket)


@pytest.fixture
def copy(aws: Aws, shop: Shop) -> Iterator[Shop]:
    """The copy in the DR region."""
    s3 = client(aws, "s3", "prod", "us-west-2")
    s3.create_bucket(Bucket=COPY, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket=COPY, VersioningConfiguration={"Status": "Enabled"})
    yield Shop(s3, COPY, "us-west-2")
    destroy_bucket(s3, COPY)


def a_second_later() -> str:
    """This second, once it is over: what comes now has another stamp."""
    now = datetime.now(UTC).replace(microsecond=0)
    wait_until(lambda: time.time() >= now.timestamp() + 1.05, what="the next second")
    return now.isoformat()


def run(shop: Shop, *arguments: str) -> int:
    return dr_here("restore", "assets", "--bucket", shop.bucket, *arguments)


def damaged(shop: Shop) -> str:
    """Of good, lost and twice the time at which all was well."""
    shop.put("good", b"good")
    shop.put("lost", b"lost", **SERVED, Tagging="kind=logo&year=2026")
    shop.put("twice", b"twice", **SERVED, Tagging="kind=logo&year=2026")
    before = a_second_later()
    shop.delete("lost")
    shop.put("twice", b"encrypted")
    shop.put("README", b"pay")
    return before


def test_ransomware_and_a_delete_are_undone_with_one_command(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    before = damaged(shop)
    assert run(shop, "--to", before) == EXIT_DONE
    shown = capsys.readouterr().out
    assert "changed          1 keys, 5 bytes: copied over by S3 (twice)" in shown
    assert "deleted          1 keys: the delete marker is taken away (lost)" in shown
    assert "newer            1 keys that did not exist then: left as they are" in shown
    assert "Nothing was done. Next: the same with --execute" in shown
    assert shop.get("lost") is None and shop.get("twice") == b"encrypted"

    assert run(shop, "--to", before, "--execute", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["done"] == {"copied": 1, "unhidden": 1, "hidden": 0}
    assert (shop.get("good"), shop.get("lost"), shop.get("twice")) == (b"good", b"lost", b"twice")
    for key in ("lost", "twice"):
        head = shop.s3.head_object(Bucket=shop.bucket, Key=key)
        assert {name: head[name] for name in SERVED} == SERVED
        tags = shop.s3.get_object_tagging(Bucket=shop.bucket, Key=key)["TagSet"]
        assert {each["Key"]: each["Value"] for each in tags} == {"kind": "logo", "year": "2026"}
    assert [each.bytes for each in shop.stack("twice")] == [5, 9, 5], "the damage is still there to be looked at"

    assert run(shop, "--to", before, "--hide-newer", "--execute") == EXIT_DONE
    assert shop.get("README") is None
    assert run(shop, "--to", before, "--json") == EXIT_DONE
    planned = json.loads(capsys.readouterr().out.split("\n{", 1)[-1].join(["{", ""]))
    assert (planned["same"], planned["changed"], planned["deleted"], planned["newer"]) == (4, 0, 0, 0)


def test_production_is_put_right_out_of_the_copy_and_the_copy_out_of_itself(shop: Shop, copy: Shop) -> None:
    for each in (shop, copy):
        each.put("logo.png", b"logo", **SERVED)
    before = a_second_later()
    shop.s3.delete_object(Bucket=shop.bucket, Key="logo.png", VersionId=shop.stack("logo.png")[0].id)
    shop.put("logo.png", b"encrypted")
    copy.put("logo.png", b"encrypted")
    assert run(shop, "--to", before, "--execute") == EXIT_REFUSED, "its own versions of then are gone"
    assert run(shop, "--to", before, "--from", "dr", "--execute") == EXIT_DONE
    assert shop.get("logo.png") == b"logo"
    assert copy.get("logo.png") == b"encrypted"
    assert dr_here("restore", "assets", "--at", "dr", "--to", before, "--execute") == EXIT_DONE
    assert copy.get("logo.png") == b"logo"


def test_what_does_not_go_together_is_a_usage_error(shop: Shop) -> None:
    assert run(shop, "--to", "2026-01-01T00:00:00Z", "--into", "/data") == EXIT_USAGE
    assert dr_here("restore", "files", "--into", "/data", "--at", "dr") == EXIT_USAGE
    assert run(shop, "--to", "latest") == EXIT_REFUSED
    assert run(shop, "--to", "2026-01-01T00:00:00Z", "--at", "here") == EXIT_REFUSED


def test_an_s3_that_goes_away_in_between_is_told_and_the_same_command_goes_on(
    shop: Shop, aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        shop.put(f"{number}", b"good")
    before = a_second_later()
    for number in range(3):
        shop.put(f"{number}", b"worse")
    bring_back = S3Versions.bring_back

    def fails(self: S3Versions, version: Version, source: Any) -> None:
        if version.key == "1":
            raise Refused("S3 said no to 1")
        bring_back(self, version, source)

    with monkeypatch.context() as broken:
        broken.setattr(S3Versions, "bring_back", fails)
        assert run(shop, "--to", before, "--execute") == EXIT_FAILED
    assert "2 of 3 keys are as they were; 1 failed: S3 said no to 1" in capsys.readouterr().err
    assert [shop.get(f"{number}") for number in range(3)] == [b"good", b"worse", b"good"]
    assert run(shop, "--to", before, "--execute", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["done"]["copied"] == 1


def test_what_is_too_long_for_one_copy_goes_by_parts_with_all_that_belongs_to_it(shop: Shop) -> None:
    body = os.urandom(2 * PART + 1000)
    shop.put("film.mp4", body, **SERVED, Tagging="kind=film")
    wanted = shop.stack("film.mp4")[0]
    shop.put("film.mp4", b"encrypted")
    small = S3Versions(shop.bucket, shop.region, one_copy_bytes=PART, part_bytes=PART)
    small.bring_back(wanted, small)
    assert shop.get("film.mp4") == body
    head = shop.s3.head_object(Bucket=shop.bucket, Key="film.mp4")
    assert {name: head[name] for name in SERVED} == SERVED and head["ETag"].endswith('-3"')
    assert shop.s3.get_object_tagging(Bucket=shop.bucket, Key="film.mp4")["TagSet"] == [
        {"Key": "kind", "Value": "film"}
    ]
    assert small.describe(shop.stack("film.mp4")[0]) is not None


def test_a_copy_by_parts_that_breaks_off_leaves_no_upload_open(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.put("film.mp4", os.urandom(2 * PART))
    small = S3Versions(shop.bucket, shop.region, one_copy_bytes=PART, part_bytes=PART)
    wanted = shop.stack("film.mp4")[0]

    def broken(**_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(small._s3, "upload_part_copy", broken)  # type: ignore[reportPrivateUsage]
    with pytest.raises(KeyboardInterrupt):
        small.bring_back(wanted, small)
    assert not shop.s3.list_multipart_uploads(Bucket=shop.bucket).get("Uploads")


def test_a_version_of_before_the_bucket_kept_versions_comes_back(shop: Shop, aws: Aws) -> None:
    plain = client(aws, "s3", "prod")
    bucket = make_bucket(plain, "plain", "us-east-1")
    try:
        plain.delete_bucket(Bucket=bucket)
        plain.create_bucket(Bucket=bucket)
        plain.put_object(Bucket=bucket, Key="old", Body=b"old")
        plain.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        plain.put_object(Bucket=bucket, Key="old", Body=b"encrypted")
        old = Shop(plain, bucket)
        (_, null) = old.stack("old")
        assert null.id == "null"
        old.versions().bring_back(null, old.versions())
        assert old.get("old") == b"old"
    finally:
        destroy_bucket(plain, bucket)


def test_an_acl_comes_along_where_the_bucket_has_any(shop: Shop) -> None:
    shop.put("logo.png", b"logo", ACL="public-read")
    wanted = shop.stack("logo.png")[0]
    shop.put("logo.png", b"encrypted")
    shop.versions().bring_back(wanted, shop.versions())
    grants = shop.s3.get_object_acl(Bucket=shop.bucket, Key="logo.png")["Grants"]
    assert any(each["Grantee"].get("URI", "").endswith("AllUsers") and each["Permission"] == "READ" for each in grants)


def test_a_version_under_a_kms_key_stays_under_it(shop: Shop) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    shop.put("logo.png", b"logo", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    wanted = shop.stack("logo.png")[0]
    shop.put("logo.png", b"encrypted")
    shop.versions().bring_back(wanted, shop.versions())
    head = shop.s3.head_object(Bucket=shop.bucket, Key="logo.png")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_listing_goes_over_its_pages(shop: Shop) -> None:
    for number in range(7):
        shop.put(f"{number}", b"x")
        shop.put(f"{number}", b"y")
    store = shop.versions()
    paginator = store._s3.get_paginator  # type: ignore[reportPrivateUsage]
    pages = paginator("list_object_versions").paginate(Bucket=shop.bucket, PaginationConfig={"PageSize": 3})
    assert len([*pages]) > 4, "the store pages"
    assert {key: len(versions) for key, versions in by_key(store.versions(""))} == {f"{n}": 2 for n in range(7)}
