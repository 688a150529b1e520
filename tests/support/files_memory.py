"""A program of its own, so that its memory is its own: copies large and many files through the real SDK, whose every
request is answered before it would be sent. Prints the peak of its memory in MiB, and what was copied."""

import os
import random
import re
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSResponse

import scripts.backup
import scripts.backup_output  # noqa: F401
from cloud.objects import S3Bucket
from engines.engine import Folder, Origin
from engines.files.full import FilesFull
from operations.copies import backup  # noqa: F401
from recovery.names import FILES_SOURCE, PACKS
from recovery.ports.buckets import StoredObject
from tests.support.plans import plan

_answers = {
    "CreateMultipartUpload": b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    "CompleteMultipartUpload": b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
}
sent: dict[str, int] = {}


class Raw(BytesIO):
    """A response's body, as urllib3 hands it over."""

    def stream(self) -> Any:
        yield self.read()


def answer(request: Any, event_name: str, **_: Any) -> AWSResponse:
    """Instead of sending."""
    operation = event_name.rpartition(".")[2]
    if operation == "PutObject":
        sent[PACKS + request.url.rpartition("/")[2]] = int(request.headers["Content-Length"])
    headers: Any = {"ETag": '"e"'}
    return AWSResponse(request.url, 200, headers, Raw(_answers.get(operation, b"")))


class Answered(S3Bucket):
    """Lists what was sent."""

    def list(self, prefix: str, *, after: str = "") -> Any:
        for key, size in sent.items():
            yield StoredObject(key=key, bytes=size, etag="", modified=datetime.now(UTC))


root = Path(sys.argv[1])
root.mkdir()
noise = random.Random(1)  # noqa: S311
with (root / "large").open("wb") as file:
    for _ in range(200):
        file.write(noise.randbytes(2**20))
for number in range(30_000):
    folder = root / f"many-{number // 5000}"
    folder.mkdir(exist_ok=True)
    (folder / f"file-{number}").write_bytes(b"%d" % number)
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
store = Answered("copies", "us-east-1")
for each in (store._quick, store._bulk):
    each.meta.events.register("before-send.s3", answer)
engine, until = FilesFull(), datetime(2027, 1, 1, tzinfo=UTC)
environment = {FILES_SOURCE: str(root)}
origin: Origin = engine.look(plan().datasets.files, environment, replica_lag=timedelta(0))
content = engine.copy(
    origin, Folder(store=store, prefix="files/full/x/", retain_until=until), environment, time_limit=timedelta(hours=1)
)
# Not getrusage: its figure is handed on from the process that started this one.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
assert peak
print(int(peak[1]) // 1024, len(content.parts), sum(part.raw_bytes for part in content.parts))  # noqa: T201
