"""`dr review` run in this process, and two changes for it to judge."""

from pathlib import Path
from typing import Any

import pytest

from scripts import dr
from tests.support.review_preview import preview, step


def lifecycle(days: int) -> dict[str, Any]:
    undo = {"noncurrentVersionExpiration": {"noncurrentDays": days}}
    return {"rules": [{"id": "undo", "status": "Enabled", "filter": {"prefix": "postgres/full/"}, **undo}]}


KIND = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
SHORTER = step("update", KIND, "backups-dr-lifecycle", lifecycle(30), lifecycle(7))
TAGGED = step("update", "aws:iam/role:Role", "writer", {"tags": {"a": "b"}}, {"tags": {"a": "c"}})


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        dr.main(["review", *arguments])
        raise SystemExit(0)
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def write(*steps: dict[str, Any], name: str = "preview.json") -> str:
    Path(name).write_text(preview(*steps))
    return name
