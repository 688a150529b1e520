"""Static assets brought back to a time: what that changes, and doing it.

A bucket may hold a million keys, so nothing is held by key: listings are read side by side, what has to be done lies in
a file until it is done. Killed anywhere, the same command goes on: what is brought back already is seen to be the same.
"""

import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO

from recovery.copies.assets import ARCHIVED, Change, by_key, change, current_at, same
from recovery.errors import DrError, Failed, Refused
from recovery.ports.versions import Version, VersionedBucket

_WORKERS = 32
_WINDOW = 4 * _WORKERS
_MARKERS_AT_ONCE = 1000
"""What S3 takes in one request: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
_MOST_FAILED = 100
_NAMED = 20
_SAID_EVERY = 10_000
Heard = Callable[[str], None]
_Keyed = tuple[str, list[Version]]


@dataclass(kw_only=True)
class AssetsOrder:
    """What a run will do, as it is shown and executed. `same`: keys that are what they were; `newer`: keys that did not
    exist then, hidden only with `hide_newer`; `archived`: of what is copied, how much S3 has to be asked for first.
    `first` and `last`: between which moments what is there now was put there."""

    time: datetime
    target: VersionedBucket
    source: VersionedBucket
    hide_newer: bool
    same: int = 0
    copied: int = 0
    copied_bytes: int = 0
    unhidden: int = 0
    newer: int = 0
    archived: int = 0
    first: datetime | None = None
    last: datetime | None = None
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    changes: BinaryIO | None = None

    @property
    def keys(self) -> int:
        """All that were looked at."""
        return self.same + self.copied + self.unhidden + self.newer

    @property
    def to_do(self) -> int:
        """How many keys `execute` touches."""
        return self.copied + self.unhidden + (self.newer if self.hide_newer else 0)

    @property
    def apart(self) -> bool:
        """Whether what is brought back comes out of another bucket."""
        return (self.source.bucket, self.source.region) != (self.target.bucket, self.target.region)

    def count(self, found: Change | None) -> None:
        """One key more."""
        if found is None:
            self.same += 1
            return
        names = self.examples.setdefault(found.kind, [])
        if len(names) < _NAMED:
            names.append(found.key)
        if found.current is not None:
            at = found.current.modified
            self.first, self.last = min(self.first or at, at), max(self.last or at, at)
        if found.kind == "hide":
            self.newer += 1
        elif found.kind == "unhide":
            self.unhidden += 1
        elif found.version:
            self.copied += 1
            self.copied_bytes += found.version.bytes
            self.archived += found.version.storage in ARCHIVED


@dataclass(kw_only=True)
class Done:
    """What became of it. `problems`: of keys that could not be brought back, the first by name."""

    copied: int = 0
    copied_bytes: int = 0
    unhidden: int = 0
    hidden: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list[str])


@contextmanager
def planned(
    target: VersionedBucket,
    source: VersionedBucket,
    time: datetime,
    *,
    prefix: str = "",
    hide_newer: bool = False,
    heard: Heard = lambda _: None,
) -> Iterator[AssetsOrder]:
    """Look at every key below `prefix`; nothing is changed. Of keys that were uploaded again since and may be the same,
    both heads are compared. Raises Refused when nothing is there that could be brought back."""
    order = AssetsOrder(time=time, target=target, source=source, hide_newer=hide_newer)
    with tempfile.TemporaryFile() as file, ThreadPoolExecutor(_WORKERS, thread_name_prefix="look") as pool:
        waiting: deque[Change | Future[Change | None] | None] = deque()

        def settle(most: int) -> None:
            while len(waiting) > most:
                each = waiting.popleft()
                found = each.result() if isinstance(each, Future) else each
                order.count(found)
                if found and (found.kind != "hide" or hide_newer):
                    file.write(_line(found))
                if order.keys % _SAID_EVERY == 0:
                    heard(f"{order.keys:,} keys looked at, {order.to_do:,} to be brought back")

        reached = False
        for found, was_there in _changes(target, source, time, prefix, apart=order.apart):
            reached = reached or was_there
            doubtful = found is not None and found.in_doubt
            waiting.append(pool.submit(_compared, found, target, source) if doubtful and found else found)
            settle(_WINDOW)
        settle(0)
        if not reached:
            raise Refused(
                f"{source.bucket} holds no version of {time:%Y-%m-%d %H:%M:%S} UTC or before"
                + (f" below {prefix}" if prefix else ""),
                next_step="name a later time, or the other bucket with --from: how long older versions stay is each "
                "bucket's own lifecycle",
            )
        order.changes = file
        yield order


def execute(order: AssetsOrder, *, heard: Heard = lambda _: None) -> Done:
    """Do what `order` says. One key that fails does not keep the others; many that do end the run.

    Raises Refused when S3 says no to the first, Failed when some keys are not what they were."""
    assert order.changes is not None  # noqa: S101  (for the type checker)
    done, total = Done(), order.to_do
    order.changes.seek(0)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="copy") as pool:
        waiting: deque[Future[Done]] = deque()

        def settle(most: int) -> None:
            while len(waiting) > most:
                before = _touched(done) // _SAID_EVERY
                _add(done, waiting.popleft().result())
                if _touched(done) // _SAID_EVERY > before:
                    heard(f"{_touched(done):,} of {total:,} keys")
                if done.failed >= _MOST_FAILED or (done.failed and not _touched(done) - done.failed):
                    for each in waiting:
                        each.cancel()
                    raise _broken_off(done, total)

        for work in _works(order):
            waiting.append(pool.submit(work))
            settle(_WINDOW)
        settle(0)
    if done.failed:
        raise _broken_off(done, total)
    return done


def _changes(
    target: VersionedBucket, source: VersionedBucket, time: datetime, prefix: str, *, apart: bool
) -> Iterator[tuple[Change | None, bool]]:
    """Key by key, of both buckets side by side; and whether the key had a version by then."""
    if not apart:
        listed = ((key, versions, versions) for key, versions in by_key(target.versions(prefix)))
    else:
        listed = _beside(by_key(source.versions(prefix)), by_key(target.versions(prefix)))
    for key, versions, now in listed:
        then = current_at(versions, time)
        yield change(key, then, now), then is not None


def _beside(ones: Iterator[_Keyed], others: Iterator[_Keyed]) -> Iterator[tuple[str, list[Version], list[Version]]]:
    """Every key of either. S3 orders by UTF-8, which is the order of code points, as here."""
    one, other = next(ones, None), next(others, None)
    while one or other:
        key = min(each[0] for each in (one, other) if each)
        mine = one[1] if one and one[0] == key else []
        theirs = other[1] if other and other[0] == key else []
        yield key, mine, theirs
        if mine:
            one = next(ones, None)
        if theirs:
            other = next(others, None)


def _compared(found: Change, target: VersionedBucket, source: VersionedBucket) -> Change | None:
    assert found.current and found.version  # noqa: S101  (for the type checker)
    return None if same(target.describe(found.current), source.describe(found.version)) else found


def _works(order: AssetsOrder) -> Iterator[Callable[[], Done]]:
    """Markers are taken away many at once, everything else is a key's own."""
    together: list[Change] = []
    for each in _lines(order):
        if each.kind != "unhide":
            yield lambda each=each: _one(order, each)
            continue
        together.append(each)
        if sum(len(held.markers) for held in together) >= _MARKERS_AT_ONCE:
            held, together = together, []
            yield lambda held=held: _unhide(order, held)
    if together:
        yield lambda: _unhide(order, together)


def _one(order: AssetsOrder, each: Change) -> Done:
    try:
        if each.kind == "hide":
            order.target.hide(each.key)
            return Done(hidden=1)
        if each.version is not None:
            order.target.bring_back(each.version, order.source)
            return Done(copied=1, copied_bytes=each.version.bytes)
    except DrError as error:
        return Done(failed=1, problems=[f"{error.what}"])
    return Done()


def _unhide(order: AssetsOrder, changes: Sequence[Change]) -> Done:
    """Where S3 does not let us take a marker away, the version below it is copied over it."""
    markers = iter([marker for each in changes for marker in each.markers])
    refused: set[str] = set()
    try:
        while some := [*islice(markers, _MARKERS_AT_ONCE)]:
            refused |= {each.key for each in order.target.unhide(some)}
    except DrError:
        refused = {each.key for each in changes}
    done = Done(unhidden=len(changes) - len(refused))
    for each in changes:
        if each.key in refused:
            _add(done, _one(order, each))
    return done


def _touched(done: Done) -> int:
    return done.copied + done.unhidden + done.hidden + done.failed


def _add(done: Done, more: Done) -> None:
    done.copied += more.copied
    done.copied_bytes += more.copied_bytes
    done.unhidden += more.unhidden
    done.hidden += more.hidden
    done.failed += more.failed
    done.problems += more.problems[: _NAMED - len(done.problems)]


def _broken_off(done: Done, total: int) -> DrError:
    right = _touched(done) - done.failed
    named = "; ".join(done.problems)
    if not right:
        return Refused(f"nothing was brought back: {named}", next_step="mend that, and run the same command again")
    return Failed(
        f"{right:,} of {total:,} keys are as they were; {done.failed:,} failed: {named}",
        next_step="run the same command again: it goes on with what is left",
    )


def _line(each: Change) -> bytes:
    value: list[Any] = [each.key, each.kind, [marker.id for marker in each.markers]]
    if each.version:
        value += [each.version.id, each.version.bytes, each.version.storage]
    return json.dumps(value).encode() + b"\n"


def _lines(order: AssetsOrder) -> Iterator[Change]:
    """What `_line` wrote; the rest of a version is of no use any more."""
    assert order.changes is not None  # noqa: S101  (for the type checker)
    never = datetime.min.replace(tzinfo=UTC)
    for line in order.changes:
        key, kind, markers, *rest = json.loads(line)
        version = None
        if rest:
            version = Version(key=key, id=rest[0], modified=never, bytes=rest[1], storage=rest[2])
        above = tuple(Version(key=key, id=each, modified=never, marker=True) for each in markers)
        yield Change(key=key, kind=kind, version=version, markers=above)
