"""Verify a copy of Redis to its last byte while it is downloaded: the object's checksum, the RDB's own, what it says of
itself, and, where the server's check-rdb is on PATH, every key as the server reads it. Nothing touches the disk."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from engines.engine import Verdict
from engines.redis.contents import rdb_of
from engines.redis.formats import PRODUCTS
from engines.streams import ADVICE
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt, Failed
from recovery.ports.buckets import ObjectStore

_NOT_ITS_OWN = ("Can't handle RDB format version", "Wrong signature")
_END_SECONDS = 60.0  # it has read everything by then
_STDIN = "/dev/stdin"


def verify(store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str]) -> Verdict:
    """Download and check it. Raises Corrupt when anything differs from what the manifest promises, Failed when the
    server's program broke."""
    begun = time.monotonic()
    program = _program(manifest, environment)
    if program:
        remark = _read_by(program, rdb_of(store, manifest), manifest)
    else:
        for _ in rdb_of(store, manifest):
            pass
        remark = "its keys were not read: no check-rdb is on PATH"
    return Verdict(
        files=1,
        bytes=manifest.stored_bytes,
        raw_bytes=manifest.raw_bytes,
        seconds=time.monotonic() - begun,
        remark=remark,
    )


def _program(manifest: Manifest, environment: Mapping[str, str]) -> str | None:
    """The check of the server that wrote it, else of its relative."""
    for product in sorted(PRODUCTS, key=lambda each: each != manifest.source.product):
        if found := shutil.which(f"{product}-check-rdb", path=environment.get("PATH")):
            return found
    return None


def _read_by(program: str, chunks: Iterable[memoryview], manifest: Manifest) -> str:
    """Let `program` read what passes; says what came of it."""
    name = Path(program).name
    command = [program, _STDIN]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"LC_ALL": "C"}
    ) as process:
        try:
            _feed(process, chunks)
            said = process.communicate(timeout=_END_SECONDS)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} did not finish", next_step="run `dr verify` again") from None
        finally:
            process.kill()
    if any(each in said for each in _NOT_ITS_OWN):
        return f"its keys were not read: {name} does not know {manifest.data_format}"
    if process.returncode != 0:
        last = " / ".join(list(_lines(said))[-3:])
        raise Corrupt(f"{name} cannot read {manifest.parts[0].key}: {last}", next_step=ADVICE)
    keys = next((line.split()[0] for line in _lines(said) if line.endswith("keys read")), "")
    return f"{name} read {keys} keys"


def _feed(process: "subprocess.Popen[bytes]", chunks: Iterable[memoryview]) -> None:
    """All of it is read here, whatever the program makes of it: what the bytes say comes first."""
    assert process.stdin is not None  # noqa: S101  (for the type checker)
    reads = True
    for chunk in chunks:
        if reads:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(chunk)
                continue
            reads = False


def _lines(said: str) -> Iterator[str]:
    """Without the mark in front of each."""
    for line in said.splitlines():
        yield line.removeprefix("[info] ").strip()
