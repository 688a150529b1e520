"""Buckets of copies: what everybody may ask of one, and what a restore, a log and the pruner need besides."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """What S3 holds under a key. `storage` is S3's name for its class."""

    key: str
    bytes: int
    etag: str
    modified: datetime
    storage: str = "STANDARD"


@dataclass(frozen=True, kw_only=True)
class UnfinishedUpload:
    """A multipart upload that was begun and neither completed nor aborted: it is no object, but its parts are kept."""

    key: str
    started: datetime


class ObjectStore(Protocol):
    """One bucket."""

    bucket: str

    def put_stream(self, key: str, chunks: Iterable[bytes], *, retain_until: datetime | None) -> None:
        """Multipart upload; aborted when the iterator raises, and then nothing is stored."""
        ...

    def put_once(self, key: str, body: bytes, *, retain_until: datetime | None) -> None:
        """Write under If-None-Match. Raises Refused when the key exists."""
        ...

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag, None when absent."""
        ...

    def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """Write if the ETag is still the one seen (None: absent); False when somebody else was faster."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """Content in chunks. Raises Corrupt when the key is absent."""
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """In key order; only keys beyond `after`."""
        ...

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """Uploads under `prefix` that are running, or that were left open when their process was killed."""
        ...


class RestoreBucket(ObjectStore, Protocol):
    """The bucket that a restore reads, with what lies in its archive classes."""

    def retrieval(self, key: str) -> Literal["none", "running", "done"]:
        """Whether a readable copy of an archived object was asked for, and is there."""
        ...

    def retrieve(self, key: str, *, days: int) -> None:
        """Ask for a readable copy that stays for `days`; the object itself stays what it is. Asking again is fine."""
        ...


class LogBucket(ObjectStore, Protocol):
    """The bucket that a log is written into, piece by piece."""

    def lock(self, key: str, until: datetime) -> None:
        """Let nobody end the object before `until`; a lock that is there already is never shortened."""
        ...

    def hide(self, key: str) -> None:
        """Place a delete marker; nothing is destroyed."""
        ...


@dataclass(frozen=True, kw_only=True)
class HeldObject:
    """The current version under a key: its size, the SHA-256 that S3 has of it (hexadecimal, empty when it has none of
    the whole object), and until when nobody may end it."""

    bytes: int
    sha256: str
    locked_until: datetime | None


class PackBucket(ObjectStore, Protocol):
    """The bucket into which objects go that several copies share."""

    def head(self, key: str) -> HeldObject | None:
        """None when there is no current version: an object under a delete marker is not there."""
        ...

    def put_whole(self, key: str, body: bytearray, *, sha256: str, retain_until: datetime, over: bool = False) -> bool:
        """Write `key` if it is absent, or with `over` a new version of it; False when it is there already. The store
        compares the SHA-256 (hexadecimal) with what arrives."""
        ...

    def lock(self, key: str, until: datetime) -> None:
        """Let nobody end the object before `until`. Raises Refused for a lock that ends later and cannot be changed."""
        ...


@dataclass(frozen=True, kw_only=True)
class HiddenObject:
    """The newest version of an object under a delete marker: when it was written, and when somebody hid it."""

    key: str
    version: str
    modified: datetime
    hidden: datetime


class PruneBucket(ObjectStore, Protocol):
    """The bucket whose copies end."""

    def hide(self, key: str) -> None:
        """Place a delete marker; nothing is destroyed."""
        ...

    def hidden(self, prefix: str) -> Iterator[HiddenObject]:
        """What lies under a delete marker and has not been removed for good yet."""
        ...

    def locked_until(self, key: str, version: str = "") -> datetime | None:
        """When the lock of a version, or else of the current one, ends; None when it has none, or has gone."""
        ...

    def time(self) -> datetime:
        """The store's own clock."""
        ...
