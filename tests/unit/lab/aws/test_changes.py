"""Followers ask moto only after a write, and miss none."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lab.aws.changes import Counted, count_of

SIGNED = "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/{}/aws4_request, SignedHeaders=host"


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ.get("fails"):
        raise RuntimeError
    return [b"done"]


def request(method: str, service: str | None, **more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "HTTP_AUTHORIZATION": SIGNED.format(service) if service else "", **more}


@pytest.mark.parametrize(
    ("asked", "moved"),
    [
        (request("PUT", "s3"), ["s3"]),
        (request("DELETE", "s3"), ["s3"]),
        (request("PUT", None), ["s3"]),
        (request("POST", "route53"), ["route53"]),
        (request("GET", "s3"), []),
        (request("HEAD", "s3"), []),
        (request("POST", "dynamodb"), []),
    ],
)
def test_a_write_moves_its_service_s_count_and_nothing_else_does(
    tmp_path: Path, asked: dict[str, Any], moved: list[str]
) -> None:
    application = Counted(answer, tmp_path)
    before = {service: count_of(tmp_path, service) for service in ("s3", "route53")}
    assert list(application(asked, None)) == [b"done"]
    assert [service for service in before if count_of(tmp_path, service) != before[service]] == moved


def test_a_write_that_failed_may_have_changed_something(tmp_path: Path) -> None:
    application = Counted(answer, tmp_path)
    before = count_of(tmp_path, "s3")
    with pytest.raises(RuntimeError):
        application(request("PUT", "s3", fails=True), None)
    assert count_of(tmp_path, "s3") > before


def test_moto_started_again_begins_with_a_count_that_nobody_has_seen(tmp_path: Path) -> None:
    assert count_of(tmp_path, "s3") == 0
    first = Counted(answer, tmp_path)
    first(request("PUT", "s3"), None)
    seen = count_of(tmp_path, "s3")
    Counted(answer, tmp_path)
    assert count_of(tmp_path, "s3") > seen
