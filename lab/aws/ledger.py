"""What the replicator has copied, so that a restart copies nothing twice."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Version:
    """One version of an object on its way to one destination bucket."""

    bucket: str
    key: str
    version_id: str
    destination: str


class Ledger:
    """An append-only file: `declared` once a bucket, `begin` before a copy, `done` after it.

    A version that was begun and not done is looked for at its destination before it is copied again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._declared: dict[str, float] = {}
        self._begun: dict[Version, float] = {}
        self._done: set[Version] = set()
        for line in path.read_text().splitlines() if path.exists() else []:
            self._take(json.loads(line))

    def declared_at(self, bucket: str, default: float) -> float:
        """Since when (unix time) the bucket's versions are replicated; `default` is kept when it is new."""
        if bucket not in self._declared:
            self._append({"event": "declared", "bucket": bucket, "at": default})
        return self._declared[bucket]

    def begin(self, version: Version) -> None:
        """About to copy."""
        self._append({"event": "begin", "version": asdict(version), "at": time.time()})

    def done(self, version: Version) -> None:
        """Copied."""
        self._append({"event": "done", "version": asdict(version), "at": time.time()})

    def is_done(self, version: Version) -> bool:
        return version in self._done

    def was_begun(self, version: Version) -> bool:
        return version in self._begun

    def begun_at(self, version: Version) -> float:
        """When the copy was first begun (unix time). Raises KeyError when it was not."""
        return self._begun[version]

    def _append(self, entry: dict[str, object]) -> None:
        with self.path.open("a") as out:
            out.write(json.dumps(entry) + "\n")
        self._take(entry)

    def _take(self, entry: dict[str, object]) -> None:
        at = float(str(entry["at"]))
        if entry["event"] == "declared":
            self._declared[str(entry["bucket"])] = at
            return
        fields = entry["version"]
        assert isinstance(fields, dict)
        version = Version(**fields)
        if entry["event"] == "begin":
            self._begun.setdefault(version, at)
        else:
            self._done.add(version)
