"""How a verification looks: what is checked, what was passed over, what was proven."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.filesize import decimal

from engines.catalog import Entry
from engines.engine import Verdict
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from scripts.output import console, emit_json, say


class Report:
    """Of backup `wanted` in `bucket`: for people, or one JSON document in the end."""

    def __init__(self, bucket: str, wanted: str, now: datetime, *, json: bool) -> None:
        self._bucket, self._wanted, self._now, self._json = bucket, wanted, now, json
        self._passed: list[dict[str, str]] = []

    def found(self, key: str, manifest: Manifest) -> None:
        """It is about to be read."""
        say(f"checking {key}: {decimal(manifest.stored_bytes)} from {self._bucket}")

    def passed_over(self, entry: Entry) -> None:
        """A newer one that is not all there."""
        self._passed.append({"id": entry.id, "problem": entry.problem(self._now)})
        say(f"passed over: {entry.id} ({entry.problem(self._now)})", "yellow")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Damage is in the JSON as well."""
        try:
            yield
        except Corrupt as error:
            if self._json:
                problem = {"verified": False, "problem": error.what}
                emit_json({"bucket": self._bucket, "wanted": self._wanted} | problem)
            raise

    def done(self, key: str, manifest: Manifest, verdict: Verdict) -> None:
        """What was proven."""
        if self._json:
            emit_json(
                {
                    "bucket": self._bucket,
                    "wanted": self._wanted,
                    "verified": True,
                    "manifest": key,
                    "id": manifest.id,
                    "passed_over": self._passed,
                    "files": verdict.files,
                    "bytes": verdict.bytes,
                    "raw_bytes": verdict.raw_bytes,
                    "seconds": round(verdict.seconds, 3),
                    "remark": verdict.remark,
                }
            )
            return
        console.print(
            f"verified: {manifest.dataset} {manifest.kind} {manifest.id}, {verdict.files:,} files, "
            f"{decimal(verdict.raw_bytes)}, from {manifest.start_position} to {manifest.stop_position}, "
            f"{verdict.seconds:.1f} s{f'; {verdict.remark}' if verdict.remark else ''}",
            markup=False,
        )
