"""A program of its own, so that its memory is its own: uploads the stretch around the end of a large object through the
real SDK, whose every request is answered before it would be sent. Prints the peak of its memory in MiB and the parts.
"""

import os
import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSResponse

import scripts.backup
import scripts.backup_output  # noqa: F401
from cloud import objects
from cloud.objects import S3Bucket
from engines.engine import Folder
from engines.streams import Tally
from operations.copies import backup  # noqa: F401

MEBIBYTE = 1024 * 1024
END = 2**40
STRETCH = 420 * MEBIBYTE  # more than three of the largest parts

_size = objects.part_size
_answers = {
    "CreateMultipartUpload": b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    "CompleteMultipartUpload": b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
}


class Raw(BytesIO):
    """A response's body, as urllib3 hands it over."""

    def stream(self) -> Any:
        yield self.read()


def answer(request: Any, event_name: str, **_: Any) -> AWSResponse:
    """Instead of sending."""
    parts.append(int(request.headers.get("Content-Length") or 0))
    operation = event_name.rpartition(".")[2]
    headers: Any = {"ETag": '"e"'}
    return AWSResponse(request.url, 200, headers, Raw(_answers.get(operation, b"")))


parts: list[int] = []
os.environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
# The schedule as it is shortly before the object's end: what comes before would only take time.
objects.part_size = lambda offset: _size(END - STRETCH + offset)
store = S3Bucket("copies", "us-east-1")
for client in (store._quick, store._bulk):
    client.meta.events.register("before-send.s3", answer)
noise = memoryview(os.urandom(8 * MEBIBYTE))  # longer than the compressor's window, so that nothing is saved
chunks = (noise[(n % 8) * MEBIBYTE :][:MEBIBYTE] for n in range(STRETCH // MEBIBYTE))
folder = Folder(store=store, prefix="postgres/full/", retain_until=datetime(2027, 1, 1, tzinfo=UTC))
written = folder.write("base.tar.zst", chunks, Tally())
# Not getrusage: its figure is handed on from the process that started this one.
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
assert peak
print(int(peak[1]) // 1024, max(parts), sum(part.bytes for part in written))  # noqa: T201
