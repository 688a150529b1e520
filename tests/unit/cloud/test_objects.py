"""The bucket behind the port, with a client that does what S3 may do: break off, lose an answer, say no."""

import hashlib
import io
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ClientError, EndpointConnectionError, IncompleteReadError, ReadTimeoutError

from cloud import objects
from cloud.objects import S3Bucket, cut
from recovery.errors import Corrupt, DrError, Failed, Refused, Unreachable

UNTIL = datetime(2026, 2, 1, tzinfo=UTC)


class Body:
    """A response that breaks off after `good` bytes."""

    def __init__(self, content: bytes, good: int | None = None) -> None:
        self.content, self.good = content, good

    def iter_chunks(self, size: int) -> Any:
        stream = io.BytesIO(self.content if self.good is None else self.content[: self.good])
        while chunk := stream.read(size):
            yield chunk
        if self.good is not None:
            raise IncompleteReadError(actual_bytes=self.good, expected_bytes=len(self.content))


class Client:
    """Records calls; `answers` are what each operation returns or raises, in order."""

    def __init__(self, **answers: list[Any]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers = answers

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            answers = self.answers.get(operation)
            answer = answers.pop(0) if answers else {"UploadId": "u", "ETag": '"e"'}
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def arguments(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]


def refusal(code: str, message: str = "no", *, status: int = 400, retries: int = 0) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status, "RetryAttempts": retries}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Any")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(client: Client, **options: Any) -> S3Bucket:
        monkeypatch.setattr(objects, "client", lambda *_, **__: client)
        monkeypatch.setattr(objects, "_back_off", lambda failures: None)
        return S3Bucket("copies", "us-east-1", **options)

    return make


def test_cutting_keeps_every_byte_in_order() -> None:
    chunks = [bytes([n]) * (3 * 1024 * 1024) for n in range(7)]
    parts = list(cut(chunks))
    assert [len(part) for part in parts] == [8 * 1024 * 1024, 8 * 1024 * 1024, 5 * 1024 * 1024]
    assert b"".join(parts) == b"".join(chunks)


def test_a_chunk_longer_than_a_part_is_cut_as_well() -> None:
    chunk = bytes(range(256)) * (17 * 4096)
    assert [len(part) for part in cut([chunk])] == [8 * 1024 * 1024, 8 * 1024 * 1024, 1024 * 1024]
    assert b"".join(cut([chunk])) == chunk


def test_an_object_that_needs_more_parts_than_s3_allows_is_given_up(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "MOST_PARTS", 2)
    client = Client()
    with pytest.raises(Failed, match="longer than the 2 parts"):
        bucket(client).put_stream("key", [bytes(17 * 1024 * 1024)], retain_until=None)
    assert client.calls[-1][0] == "abort_multipart_upload"


def test_an_upload_asks_for_its_lock_and_checksums_before_the_first_byte(bucket: Any) -> None:
    client = Client()
    bucket(client, lock_mode="COMPLIANCE").put_stream("key", [b"x"], retain_until=UNTIL)
    begun = client.arguments("create_multipart_upload")[0]
    assert (begun["ObjectLockMode"], begun["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", UNTIL)
    assert begun["ChecksumAlgorithm"] == "SHA256"
    digest = b64encode(hashlib.sha256(b"x").digest()).decode()
    assert client.arguments("upload_part")[0]["ChecksumSHA256"] == digest
    assert [name for name, _ in client.calls][-1] == "complete_multipart_upload"


def test_a_parts_hash_is_computed_once_and_sent_as_a_signed_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would hash the body once more to sign it; the checksum, which S3 compares with it, is signed anyway."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    sent: list[Any] = []

    def answer(request: Any, **_: Any) -> Any:
        sent.append(request)
        headers: Any = HeadersDict({"ETag": '"e"'})
        return AWSResponse(request.url, 200, headers, SilentBody())

    store = S3Bucket("copies", "us-east-1")
    store._bulk.meta.events.register("before-send.s3.UploadPart", answer)
    store._send_part("key", "upload", 1, bytearray(b"content"))
    headers = {name.lower(): str(value) for name, value in sent[0].headers.items()}
    assert headers["x-amz-content-sha256"].strip("b'") == "UNSIGNED-PAYLOAD"
    assert b64encode(hashlib.sha256(b"content").digest()).decode() in headers["x-amz-checksum-sha256"]
    assert "x-amz-checksum-sha256" in headers["authorization"].partition("SignedHeaders=")[2]


class SilentBody(io.BytesIO):
    """An empty body, as urllib3 hands it over."""

    def stream(self) -> Any:
        yield self.read()


def test_an_upload_is_aborted_when_its_source_fails(bucket: Any) -> None:  # fault 37
    def source() -> Any:
        yield b"x"
        raise Failed("the producer died")

    client = Client()
    with pytest.raises(Failed, match="the producer died"):
        bucket(client).put_stream("key", source(), retain_until=None)
    names = [name for name, _ in client.calls]
    assert names[-1] == "abort_multipart_upload" and "complete_multipart_upload" not in names


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_upload_is_aborted_when_it_is_interrupted(bucket: Any, interruption: type[BaseException]) -> None:
    def source() -> Any:
        yield b"x"
        raise interruption

    client = Client()
    with pytest.raises(interruption):
        bucket(client).put_stream("key", source(), retain_until=None)
    assert client.calls[-1][0] == "abort_multipart_upload"


def test_an_upload_is_aborted_when_a_part_is_refused_and_the_refusal_is_what_is_told(bucket: Any) -> None:
    client = Client(
        upload_part=[refusal("AccessDenied", status=403)], abort_multipart_upload=[refusal("AccessDenied", status=403)]
    )
    with pytest.raises(Refused, match=r"does not allow these credentials to write part 1 of key in bucket copies"):
        bucket(client).put_stream("key", [b"x"], retain_until=None)
    assert client.calls[-1][0] == "abort_multipart_upload"


def test_an_upload_without_bytes_stores_nothing(bucket: Any) -> None:  # fault 33
    client = Client()
    with pytest.raises(Failed, match="nothing to store"):
        bucket(client).put_stream("key", [], retain_until=None)
    assert client.calls[-1][0] == "abort_multipart_upload"


def test_a_completion_whose_answer_was_lost_is_settled_by_looking(bucket: Any) -> None:
    client = Client(complete_multipart_upload=[refusal("NoSuchUpload", status=404, retries=1)])
    bucket(client).put_stream("key", [b"x"], retain_until=None)
    assert client.calls[-1][0] == "head_object"


def test_a_read_goes_on_where_the_connection_broke_on_the_same_version(bucket: Any) -> None:  # fault 40
    content = bytes(range(256)) * 20_000
    timeout = ReadTimeoutError(endpoint_url="http://s3")
    first = {"Body": Body(content, good=3_000_000), "ContentLength": len(content), "ETag": '"v1"'}
    client = Client(get_object=[first, timeout, {"Body": Body(content[3_000_000:])}])
    assert b"".join(bucket(client).stream("key")) == content
    assert client.arguments("get_object")[-1] == {
        "Bucket": "copies", "Key": "key", "Range": "bytes=3000000-", "IfMatch": '"v1"'
    }  # fmt: skip


def test_a_read_that_never_gets_further_is_unreachable(bucket: Any) -> None:
    client = Client(get_object=[EndpointConnectionError(endpoint_url="http://s3")] * 20)
    with pytest.raises(Unreachable, match="S3 in us-east-1 did not answer"):
        list(bucket(client).stream("key"))
    assert len(client.calls) == 6


def test_an_object_replaced_while_it_is_read_is_not_mixed(bucket: Any) -> None:
    first = {"Body": Body(b"x" * 100, good=50), "ContentLength": 100, "ETag": '"v1"'}
    with pytest.raises(Failed, match="was replaced while it was read"):
        list(bucket(Client(get_object=[first, refusal("PreconditionFailed", status=412)])).stream("key"))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (refusal("NoSuchBucket", status=404), Refused, "bucket copies does not exist in us-east-1"),
        (refusal("AccessDenied", status=403), Refused, "does not allow these credentials to read key"),
        (refusal("AuthorizationHeaderMalformed"), Refused, "bucket copies is not in us-east-1"),
        (refusal("KMS.DisabledException"), Refused, "the KMS key of bucket copies cannot be used"),
        (refusal("SlowDown", status=503), Unreachable, "failed to read key"),
        (EndpointConnectionError(endpoint_url="http://s3"), Unreachable, "did not answer the request to read key"),
    ],
)
def test_what_s3_says_is_worded_with_bucket_and_next_step(
    bucket: Any, error: Exception, kind: type[DrError], words: str
) -> None:
    with pytest.raises(kind, match=words) as told:
        bucket(Client(get_object=[error])).get("key")
    assert told.value.next_step


def test_a_missing_object_is_none_to_get_and_corrupt_to_stream(bucket: Any) -> None:
    missing = refusal("NoSuchKey", status=404)
    store = bucket(Client(get_object=[missing, missing]))
    assert store.get("key") is None
    with pytest.raises(Corrupt, match="key is missing from bucket copies"):
        list(store.stream("key"))


def test_uploads_left_open_are_listed_whatever_their_number(bucket: Any) -> None:
    class Pages(Client):
        def get_paginator(self, operation: str) -> Client:
            assert operation == "list_multipart_uploads"
            return Client(paginate=[[{"Uploads": [{"Key": f"full/{n}", "Initiated": UNTIL}]} for n in (1, 2)] + [{}]])

    found = list(bucket(Pages()).unfinished("full/"))
    assert [(each.key, each.started) for each in found] == [("full/1", UNTIL), ("full/2", UNTIL)]


def version(key: str, number: str, **more: Any) -> dict[str, Any]:
    return {"Key": key, "VersionId": number, "LastModified": UNTIL, **more}


def test_what_a_marker_hides_is_found_when_a_page_ends_between_the_two(bucket: Any) -> None:
    pages: list[dict[str, Any]] = [
        {
            "Versions": [version("a", "1", IsLatest=True)],
            "DeleteMarkers": [version("b", "3", IsLatest=True), version("b", "2", IsLatest=False)],
        },
        {"Versions": [version("b", "1"), version("b", "0")], "DeleteMarkers": [version("c", "2", IsLatest=False)]},
        {"Versions": [version("c", "3", IsLatest=True), version("c", "1")]},
    ]

    class Pages(Client):
        def get_paginator(self, operation: str) -> Client:
            assert operation == "list_object_versions"
            return Client(paginate=[pages])

    assert [(each.key, each.version) for each in bucket(Pages()).hidden("")] == [("b", "1")]


def test_the_lock_of_a_version_that_has_none_or_has_gone_is_none(bucket: Any) -> None:
    answers = [refusal("NoSuchObjectLockConfiguration", status=404), refusal("NoSuchVersion", status=404), denied()]
    store = bucket(Client(get_object_retention=answers))
    assert store.locked_until("key", "1") is None and store.locked_until("key", "1") is None
    with pytest.raises(Refused, match="does not allow these credentials to read the lock of key"):
        store.locked_until("key", "1")


def denied() -> ClientError:
    return refusal("AccessDenied", status=403)


def test_the_time_is_s3_s_and_an_answer_without_one_is_none_of_s3_s(bucket: Any) -> None:
    said = {"ResponseMetadata": {"HTTPHeaders": {"date": "Sun, 01 Feb 2026 00:00:00 GMT"}}}
    store = bucket(Client(list_objects_v2=[said, {"ResponseMetadata": {"HTTPHeaders": {}}}]))
    assert store.time() == UNTIL
    with pytest.raises(Unreachable, match="does not say what time it is"):
        store.time()


SHA = hashlib.sha256(b"pack").hexdigest()


def test_a_pack_is_written_in_one_request_if_it_is_absent_with_its_sum_and_its_lock(bucket: Any) -> None:
    client = Client()
    assert bucket(client).put_whole("packs/x", bytearray(b"pack"), sha256=SHA, retain_until=UNTIL)
    (sent,) = client.arguments("put_object")
    assert (sent["IfNoneMatch"], sent["ObjectLockRetainUntilDate"]) == ("*", UNTIL)
    assert sent["ChecksumSHA256"] == b64encode(hashlib.sha256(b"pack").digest()).decode()
    assert bucket(client).put_whole("packs/x", bytearray(b"pack"), sha256=SHA, retain_until=UNTIL, over=True)
    assert "IfNoneMatch" not in client.arguments("put_object")[1]


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_a_pack_that_is_there_is_not_written_again(bucket: Any, code: str) -> None:
    client = Client(put_object=[refusal(code)])
    assert not bucket(client).put_whole("packs/x", bytearray(b"pack"), sha256=SHA, retain_until=UNTIL)


@pytest.mark.parametrize(
    ("answer", "sha256"),
    [
        ({"ChecksumSHA256": b64encode(bytes.fromhex(SHA)).decode(), "ChecksumType": "FULL_OBJECT"}, SHA),
        ({"ChecksumSHA256": b64encode(bytes.fromhex(SHA)).decode() + "-3", "ChecksumType": "COMPOSITE"}, ""),
        ({}, ""),
    ],
    ids=["whole", "of parts", "none"],
)
def test_the_sum_that_s3_has_counts_when_it_is_of_the_whole_object(
    bucket: Any, answer: dict[str, Any], sha256: str
) -> None:
    head = {"ContentLength": 4, "ObjectLockRetainUntilDate": UNTIL, **answer}
    client = Client(head_object=[head, refusal("404")])
    store = bucket(client)
    found = store.head("packs/x")
    assert (found.bytes, found.sha256, found.locked_until) == (4, sha256, UNTIL)
    assert client.arguments("head_object")[0]["ChecksumMode"] == "ENABLED"
    assert store.head("packs/x") is None
