"""What a bucket holds, by every engine's word, and what is not known about it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from operations.copies.listing import list_backups
from recovery.errors import Refused
from recovery.names import manifest_key
from recovery.ports.buckets import UnfinishedUpload
from scripts.backups_output import unfinished_lines
from tests.support.fakes import FakeBucket
from tests.support.manifests import NOON, manifest

FOLDER = "postgres/full/00000001/77/20260101T120000Z-aaaa/"
DAY = timedelta(days=1)


def test_uploads_left_open_are_told_with_number_age_folder_and_end() -> None:  # fault 39
    bucket = FakeBucket()
    bucket.uploads = {f"{FOLDER}base.tar.zst": NOON, f"{FOLDER}more": NOON + timedelta(hours=1), "else/where": NOON}
    found = list_backups(bucket, now=NOON)
    assert unfinished_lines(found, NOON + 3 * DAY, 2 * DAY) == [
        f"no backup: {FOLDER} (2 uploads still open, the oldest for 3 d: a backup is running, or one was killed; the "
        "bucket's lifecycle ends an open upload after 2 days)"
    ]
    assert [each["key"] for each in found.as_dict(NOON)["unfinished_uploads"]] == [
        f"{FOLDER}base.tar.zst",
        f"{FOLDER}more",
    ]


def test_uploads_that_may_not_be_asked_for_are_unknown_and_the_backups_are_listed_all_the_same() -> None:  # fault 59
    class Denied(FakeBucket):
        def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
            raise Refused("S3 does not allow these credentials to list unfinished uploads")

    bucket, made = Denied(), manifest()
    bucket.objects |= {manifest_key(FOLDER): made.to_json(), made.parts[0].key: b"xxx"}
    found = list_backups(bucket, now=NOON)
    assert found.backups == (made,) and found.as_dict(NOON)["unfinished_uploads"] is None
    assert unfinished_lines(found, NOON, DAY) == [
        "uploads left open: not known (S3 does not allow these credentials to list unfinished uploads)"
    ]


def test_a_bucket_without_anything_open_says_nothing_about_it() -> None:
    assert unfinished_lines(list_backups(FakeBucket(), now=NOON), NOON, DAY) == []


@pytest.mark.parametrize("folder", ["postgres/log/00000001/77/20260101/", "mails/full/00000001/77/x/"])
def test_what_no_engine_made_is_not_called_an_unfinished_backup(folder: str) -> None:
    bucket = FakeBucket()
    bucket.objects[f"{folder}0-16777216"] = b"log"
    assert list_backups(bucket, now=NOON).others == ()


def test_what_is_arriving_is_no_backup_yet_and_what_never_arrived_is_none() -> None:
    bucket, made = FakeBucket(), manifest()
    bucket.objects[manifest_key(FOLDER)] = made.to_json()
    soon, late = made.finished + timedelta(minutes=5), made.finished + timedelta(hours=1)
    found = list_backups(bucket, now=soon)
    assert (found.backups, [each.id for each in found.arriving], found.others) == ((), [made.id], ())
    assert found.as_dict(soon)["arriving"][0]["problem"].startswith("arriving: 1 of 1 objects")
    found = list_backups(bucket, now=late)
    assert (found.backups, found.arriving, [each.id for each in found.others]) == ((), (), [made.id])
    assert found.as_dict(late)["not_backups"][0]["problem"].startswith("incomplete: 1 of 1 objects")
