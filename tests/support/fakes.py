"""Small stand-ins for the ports, shared by unit tests. What they promise, integration tests check on the real parts."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from recovery.errors import Corrupt, LeaseRefused, Refused, Unreachable
from recovery.lease.lease import Heartbeat, Lease
from recovery.ports.buckets import HeldObject, HiddenObject, StoredObject, UnfinishedUpload


class FakeBucket:
    """ObjectStore in memory. `retained` holds each key's lock, `uploads` when each one left open was begun, `modified`
    when an object was written; `markers` are all that were placed, `below` what they hide. `now` is its own clock.
    `reachable = False` makes every call Unreachable."""

    def __init__(self, bucket: str = "bucket") -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self.retained: dict[str, datetime] = {}
        self.aborted: list[str] = []
        self.uploads: dict[str, datetime] = {}
        self.modified: dict[str, datetime] = {}
        self.markers: list[str] = []
        self.below: dict[str, bytes] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.reachable = True

    def put_stream(self, key: str, chunks: Iterable[bytes], *, retain_until: datetime | None) -> None:
        self._answer()
        try:
            body = b"".join(bytes(chunk) for chunk in chunks)
        except BaseException:
            self.aborted.append(key)
            raise
        self._store(key, body, retain_until)

    def put_once(self, key: str, body: bytes, *, retain_until: datetime | None) -> None:
        self._answer()
        if key in self.objects:
            raise Refused(f"{key} already exists")
        self._store(key, body, retain_until)

    def get(self, key: str) -> tuple[bytes, str] | None:
        self._answer()
        body = self.objects.get(key)
        return None if body is None else (body, _etag(body))

    def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        self._answer()
        found = self.objects.get(key)
        if (None if found is None else _etag(found)) != etag:
            return False
        self.objects[key] = body
        return True

    def stream(self, key: str) -> Iterator[bytes]:
        self._answer()
        if key not in self.objects:
            raise Corrupt(f"{key} is missing")
        body = self.objects[key]
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        self._answer()
        for key, body in sorted(self.objects.items()):
            if key.startswith(prefix) and key > after:
                modified = self.modified.get(key, datetime(2026, 1, 1, tzinfo=UTC))
                yield StoredObject(key=key, bytes=len(body), etag=_etag(body), modified=modified)

    def put_whole(self, key: str, body: bytearray, *, sha256: str, retain_until: datetime, over: bool = False) -> bool:
        self._answer()
        assert hashlib.sha256(body).hexdigest() == sha256
        if key in self.objects and not over:
            return False
        self._store(key, bytes(body), retain_until)
        return True

    def head(self, key: str) -> HeldObject | None:
        self._answer()
        body = self.objects.get(key)
        if body is None:
            return None
        return HeldObject(bytes=len(body), sha256=hashlib.sha256(body).hexdigest(), locked_until=self.retained.get(key))

    def lock(self, key: str, until: datetime) -> None:
        self._answer()
        assert key in self.objects
        self.retained[key] = max(until, self.retained.get(key, until))

    def hide(self, key: str) -> None:
        self._answer()
        self.markers.append(key)
        if key in self.objects:
            self.below[key] = self.objects.pop(key)

    def hidden(self, prefix: str) -> Iterator[HiddenObject]:
        self._answer()
        for key in sorted(self.below):
            if key.startswith(prefix) and key not in self.objects:
                modified = self.modified.get(key, datetime(2026, 1, 1, tzinfo=UTC))
                yield HiddenObject(key=key, version="1", modified=modified, hidden=self.now)

    def locked_until(self, key: str, version: str = "") -> datetime | None:
        self._answer()
        return self.retained.get(key)

    def time(self) -> datetime:
        self._answer()
        return self.now

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        self._answer()
        for key, started in sorted(self.uploads.items()):
            if key.startswith(prefix):
                yield UnfinishedUpload(key=key, started=started)

    def _store(self, key: str, body: bytes, retain_until: datetime | None) -> None:
        self.objects[key] = body
        if retain_until is not None:
            self.retained[key] = retain_until

    def _answer(self) -> None:
        if not self.reachable:
            raise Unreachable(f"bucket {self.bucket} does not answer")


class FakeLeases:
    """LeaseStore in memory. Change `lease` to let somebody else move it; `reachable = False`: Unreachable."""

    def __init__(self, lease: Lease | None = None) -> None:
        self.lease = lease
        self.reachable = True

    def read(self) -> Lease | None:
        self._answer()
        return self.lease

    def create(self, lease: Lease) -> None:
        self._answer()
        if self.lease is not None:
            raise LeaseRefused("there is a lease already")
        self.lease = lease

    def renew(self, lease: Lease, *, boot_id: str, heartbeat: Heartbeat | None) -> Lease:
        now = self._require(lambda now: (now.site, now.epoch, now.state) == (lease.site, lease.epoch, lease.state))
        self.lease = replace(
            now,
            boot_id=boot_id,
            renewals=now.renewals + 1,
            heartbeat=heartbeat if heartbeat else now.heartbeat,
            system_identifier=now.system_identifier or (heartbeat.system_identifier if heartbeat else ""),
        )
        return self.lease

    def record_system(self, system: str, *, seen: str) -> Lease:
        self.lease = replace(self._require(lambda now: now.system_identifier == seen), system_identifier=system)
        return self.lease

    def take(self, seen: Lease, taken: Lease) -> Lease:
        old = self._require(lambda now: now.epoch == seen.epoch)
        # What a takeover does not write stays: the old guard's last word and its fence record.
        self.lease = replace(taken, heartbeat=old.heartbeat, fenced_epoch=old.fenced_epoch)
        return old

    def hold(self, epoch: int, run: str) -> Lease:
        now = self._require(lambda now: (now.epoch, now.holder_run) == (epoch, run))
        self.lease = replace(now, state="held")
        return self.lease

    def record_fenced(self, epoch: int) -> None:
        now = self._require(lambda now: now.epoch == epoch)
        self.lease = replace(now, fenced_epoch=epoch)

    def _require(self, holds: Callable[[Lease], bool]) -> Lease:
        self._answer()
        if self.lease is None or not holds(self.lease):
            raise LeaseRefused(f"the lease is another: {self.lease}")
        return self.lease

    def _answer(self) -> None:
        if not self.reachable:
            raise Unreachable("the control table does not answer")


def held_lease(site: str = "prod", epoch: int = 1) -> Lease:
    """A lease that `site` holds."""
    return Lease(
        site="dr" if site == "dr" else "prod",
        epoch=epoch,
        state="held",
        lease_seconds=10,
        margin_seconds=2,
        holder_run="init",
    )


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
