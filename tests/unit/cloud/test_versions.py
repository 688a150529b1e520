"""The order in which S3 lists versions and delete markers, as its answer has it."""

from typing import Any

import pytest

from cloud import versions
from cloud.versions import S3Versions
from recovery.ports.versions import Version

ANSWER = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>shop</Name><IsTruncated>false</IsTruncated>
<Version><Key>a</Key><VersionId>3</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-30T12:00:00.000Z</LastModified>
<ETag>"e"</ETag><Size>1</Size><StorageClass>GLACIER</StorageClass></Version>
<DeleteMarker><Key>a</Key><VersionId>2</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-30T12:00:00.000Z</LastModified>
</DeleteMarker>
<Version><Key>a</Key><VersionId>1</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-30T12:00:00.000Z</LastModified>
<ETag>"e"</ETag><Size>1</Size></Version>
<DeleteMarker><Key>b</Key><VersionId>4</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-30T12:00:00.000Z</LastModified>
</DeleteMarker></ListVersionsResult>"""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> S3Versions:
    """Of a client that is answered without a network."""
    from botocore.awsrequest import AWSResponse, HeadersDict

    class Raw:
        def stream(self, *_: Any, **__: Any) -> Any:
            yield ANSWER

    def answer(**_: Any) -> AWSResponse:
        headers: Any = HeadersDict()
        return AWSResponse("https://shop", 200, headers, Raw())

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    made = S3Versions("shop", "us-east-1")
    made._s3.meta.events.register("before-send.s3.ListObjectVersions", answer)  # type: ignore[reportPrivateUsage]
    return made


def test_in_one_second_the_answers_own_order_says_what_was_last(store: S3Versions) -> None:
    found = [(each.key, each.id, each.marker) for each in store.versions("")]
    assert found == [("a", "3", False), ("a", "2", True), ("a", "1", False), ("b", "4", True)]


def test_what_lies_in_an_archive_class_is_known(store: S3Versions) -> None:
    assert next(iter(store.versions(""))).storage == "GLACIER"


def test_only_delete_markers_can_ever_be_taken_away(store: S3Versions) -> None:
    data = next(each for each in store.versions("") if not each.marker)
    with pytest.raises(ValueError, match="only delete markers"):
        store.unhide([data])


def test_checksums_of_parts_are_none_of_the_whole() -> None:
    head = {"ContentLength": 1, "ETag": '"e"', "ChecksumSHA256": "abc=-2", "ChecksumCRC64NVME": "whole"}

    class Client:
        def head_object(self, **_: Any) -> Any:
            return head

    store = S3Versions.__new__(S3Versions)
    store.bucket, store.region, store._s3 = "shop", "us-east-1", Client()  # type: ignore[reportPrivateUsage]
    found = store.describe(Version(key="a", id="1", modified=None))  # type: ignore[arg-type]
    assert found and found.checksums == {"ChecksumCRC64NVME": "whole"}
    assert versions.CONNECTIONS >= 32
