"""Writing a log into a bucket, whatever the dataset: the same bytes may come again and other ones never, and a position
only moves on."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from engines.compression import zstd
from engines.shipping import OtherBytes
from recovery.errors import Corrupt, DrError, Failed, LeaseRefused
from recovery.ports.buckets import LogBucket, ObjectStore

_TRIES = 5


class Position(Protocol):
    """How far a log is in one epoch, as one small object."""

    @property
    def key(self) -> str:
        """The object's key; one of a later epoch sorts behind it."""
        ...

    def may_follow(self, current: Any) -> bool:
        """Whether it may take the place of `current`."""
        ...

    def to_json(self) -> bytes:
        """The object's content."""
        ...

    @classmethod
    def from_json(cls, body: bytes, *, key: str) -> Self:
        """Raises Corrupt naming `key`."""
        ...


_Position = TypeVar("_Position", bound=Position)


def put_again(store: ObjectStore, key: str, body: bytes, same: Callable[[bytes], bool]) -> None:
    """Store what is not locked yet. The same may come again, by `same`, which gets what is there. Raises OtherBytes."""
    for _ in range(_TRIES):
        if store.replace(key, body, etag=None):
            return
        found = store.get(key)
        if found is None:
            continue  # S3 refuses one of two writes at a time; then neither may be there
        if not same(found[0]):
            raise other_bytes(key)
        return
    raise Failed(f"{key} could be neither written nor read", next_step="see who else writes the log")


def put_locked(store: ObjectStore, key: str, body: bytes, until: datetime) -> None:
    """Store it locked, or find the same there. Raises OtherBytes."""
    found = store.get(key)
    if found is None:
        store.put_once(key, body, retain_until=until)
    elif found[0] != body:
        raise other_bytes(key)


def move(store: LogBucket, position: Position, prefix: str, words: str) -> None:
    """Move its epoch's position, which is one of those below `prefix`. Raises LeaseRefused when another shipper is
    further than this one, which is at `words`, or of a later epoch."""
    for _ in range(_TRIES):
        newest = max((item.key for item in store.list(prefix)), default="")
        found = store.get(position.key)
        current = type(position).from_json(found[0], key=position.key) if found else None
        if current == position:
            return
        if newest > position.key or (current and not position.may_follow(current)):
            raise LeaseRefused(
                f"the log in bucket {store.bucket} is further than {words} ({newest}): another shipper has taken over",
                next_step="none: the site with the lease ships the log (`dr lease show`)",
            )
        if store.replace(position.key, position.to_json(), etag=found[1] if found else None):
            return
    raise Failed(f"{position.key} kept moving", next_step="see that only one shipper runs at a time")


def positions_of(store: ObjectStore, prefix: str, kind: type[_Position]) -> Sequence[_Position]:
    """The position of every epoch, the newest last. Raises Corrupt."""
    keys = sorted(item.key for item in store.list(prefix))
    return [kind.from_json(found[0], key=key) for key in keys if (found := store.get(key))]


def newest_of(store: ObjectStore, prefix: str, kind: type[_Position]) -> _Position | None:
    """The newest; None before there is any. Raises Corrupt."""
    newest = max((item.key for item in store.list(prefix)), default="")
    found = store.get(newest) if newest else None
    return kind.from_json(found[0], key=newest) if found else None


def packed(body: bytes, level: int) -> bytes:
    """One zstd frame with a content checksum; the same bytes give the same frame."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return zstd.compress(body, options=options)


def unpacked(body: bytes, key: str) -> bytes:
    """What `packed` was given. Raises Corrupt naming `key`."""
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as error:
        raise Corrupt(f"{key} cannot be unpacked: {error}", next_step="compare this object's versions") from None


def other_bytes(key: str) -> DrError:
    """Two histories under one name."""
    return OtherBytes(
        f"{key} is in the bucket with another content: two servers have written the same place of the log",
        next_step="find out which server is the true one before anything more is shipped; `dr lease show` says whose "
        "lease it is, and a restore up to this place is still good",
    )
