"""A copy of files: what has changed since the last one goes into packs, all there is into an index of its own.

How it becomes a backup, lease, manifest and pointer, is `operations.copies.backup`.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

from engines.catalog import Entry as Listed
from engines.catalog import entries, newest
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.files.index import INDEX, header
from engines.files.packs import Packs, packing
from engines.files.previous import Previous, PreviousDamaged
from engines.files.taking import Taking
from engines.files.verify import verify
from engines.files.walk import Notes
from engines.streams import Tally
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt, Failed, Refused
from recovery.names import ACCEPTED_LOSS, FILES_SOURCE, PACKS
from recovery.plan.datasets import Dataset, Files
from recovery.plan.file_patterns import Patterns
from recovery.ports.buckets import ObjectStore, PackBucket

_MOST_LOST = 0.5
_LINES = 64 * 1024  # bytes of the index that are handed on at once


class FilesFull:
    """Everything below the plan's `root`, as it can be put back on an empty disk."""

    dataset, kind = "files", "full"
    needs = Needs()

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """The folder that DR_FILES_SOURCE names, by default the plan's root. Raises Refused when there is none."""
        files = cast("Files", section)
        source = environment.get(FILES_SOURCE) or files.root
        with _opened(source):
            pass
        return Origin(
            identity=identity(files.root),
            version="1",
            words=f"files of {files.root}" + (f", in {source}" if source != files.root else ""),
            bytes=0,
            tools={},
            section=files,
        )

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """The newest copy, of which this one uses again what has not changed. It is complete without it, so a damaged
        one only means that everything is read."""
        try:
            found = newest(store, self.dataset, self.kind).manifest
        except Corrupt:
            return None
        return found if found and found.source.system_identifier == origin.identity else None

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """Raises Failed for a folder without a file, for a secret among them, and past the time limit. What could not
        be read as it stands is told, and the copy is withheld."""
        files = cast("Files", origin.section)
        accepted = bool(environment.get(ACCEPTED_LOSS))
        run = _Run(files, folder, _deadline(time_limit), accepted_loss=accepted)
        source = environment.get(FILES_SOURCE) or files.root
        with _opened(source) as root:
            try:
                return run.copy(root, origin.base)
            except PreviousDamaged as error:
                again = f"all was read anew, nothing compared: the copy before this one is damaged ({error.what})"
                content = run.copy(root, None)
            except OSError as error:
                raise Failed(f"{source} cannot be listed: {error.strerror}", next_step="see who may read it") from None
        return replace(content, remarks=(again, *content.remarks))

    def entries(self, store: ObjectStore) -> list[Listed]:
        """Every folder of these copies."""
        return entries(store, self.dataset, self.kind)

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """See `engines.files.verify`."""
        return verify(store, manifest, scratch=scratch)

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """Its own remarks, and how it compares."""
        return remarks(manifest, others)


def identity(root: str) -> str:
    """What tells these files from others, whatever machine or mount they are read through."""
    return f"{root.strip('/').replace('/', '-')}-{sha256(root.encode()).hexdigest()[:8]}"


class _Run:
    """One copy. It may be begun again: without a manifest nothing of it counts."""

    def __init__(self, files: Files, folder: Folder, hurry: Callable[[], None], *, accepted_loss: bool) -> None:
        self._files, self._folder, self._hurry, self._accepted_loss = files, folder, hurry, accepted_loss
        self._store = cast("PackBucket", folder.store)

    def copy(self, root: int, base: Manifest | None) -> Content:
        """Raises PreviousDamaged, Failed."""
        began, notes, shown = datetime.now(UTC), Notes(), Tally()
        leave_out = Patterns(self._files.exclude)
        until = self._folder.retain_until
        previous = Previous(self._store, base, until, self._hurry)

        def heard(packs: Packs) -> None:
            self._hurry()
            shown.raw_bytes, shown.stored_bytes = packs.raw_bytes, packs.stored_bytes
            self._folder.progress(shown)

        with packing(self._store, until, heard) as packs:
            taking = Taking(root, leave_out, previous, packs, notes)

            def lines() -> Iterator[memoryview]:
                waiting = bytearray(header(self._files.root))
                for line in taking.lines():
                    waiting += line
                    if len(waiting) >= _LINES:
                        yield memoryview(bytes(waiting))
                        waiting.clear()
                        heard(packs)
                previous.finish()
                _require_content(taking, self._files.root)
                yield memoryview(bytes(waiting))

            index = replace(self._folder, progress=lambda _: None).write(INDEX, lines(), Tally())
        used = {name: packs.parts.get(name) or previous.parts[name] for name in taking.used}
        parts = [used[name] for name in sorted(used)]
        self._require_there(parts)
        return Content(
            parts=(*index, *parts),
            start_position=f"{began:%Y-%m-%dT%H:%M:%SZ}",
            stop_position=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            remarks=_remarks(notes, leave_out),
            withheld=_withheld(notes) or self._lost(base, previous, taking),
        )

    def _require_there(self, parts: Sequence[Part]) -> None:
        """Nobody has hidden a pack since it was looked at: what is not there now is not there for a restore."""
        there = {each.key: each.bytes for each in self._store.list(PACKS)}
        if gone := next((part.key for part in parts if there.get(part.key) != part.bytes), None):
            raise Failed(
                f"{gone} was hidden or replaced while the copy was made", next_step="run it again, and see who did that"
            )

    def _lost(self, base: Manifest | None, previous: Previous, taking: Taking) -> str:
        if base is None or self._accepted_loss or taking.files >= (1 - _MOST_LOST) * previous.files:
            return ""
        return (
            f"there are {taking.files:,} files, in {base.id} there were {previous.files:,}: when that is right, run it "
            "once more with --accept-fewer-files"
        )


def _withheld(notes: Notes) -> str:
    found = [f"could not be read: {notes.unread}"] if notes.unread.count else []
    found += [f"changed while it was read, twice: {notes.unsteady}"] if notes.unsteady.count else []
    return f"it is not complete: {'; '.join(found)}" if found else ""


def _remarks(notes: Notes, leave_out: Patterns) -> tuple[str, ...]:
    found = [
        *([f"sockets, pipes and devices are not copied: {notes.special}"] if notes.special.count else []),
        *([f"extended attributes are not kept: {notes.attributes}"] if notes.attributes.count else []),
        *([f"{notes.gone:,} files went away meanwhile"] if notes.gone else []),
        *([f"exclude matched nothing: {', '.join(leave_out.idle)}"] if leave_out.idle else []),
    ]
    return tuple(found)


def _require_content(taking: Taking, root: str) -> None:
    secrets = taking.notes.secrets
    if secrets.count:
        raise Failed(
            f"there are secrets among the files, and a copy is locked for long: {secrets}",
            next_step="take them out (and renew them: others have read them), or add their files to "
            "datasets.files.exclude in recovery.yaml",
        )
    if not taking.files:
        raise Failed(
            f"there is not one file in {root}: nothing was stored",
            next_step="see whether it is mounted, and what datasets.files.exclude leaves out",
        )


def _deadline(time_limit: timedelta) -> Callable[[], None]:
    end = time.monotonic() + time_limit.total_seconds()

    def hurry() -> None:
        if time.monotonic() > end:
            raise Failed(
                f"the copy was not finished within {time_limit}; without a manifest it is none",
                next_step="run it again: what is stored is used again; or raise time_limit in recovery.yaml",
            )

    return hurry


@contextmanager
def _opened(source: str) -> Generator[int]:
    try:
        root = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(
            f"{source} cannot be read as a folder: {error.strerror}",
            next_step=f"mount it, or name another folder by {FILES_SOURCE}",
        ) from None
    try:
        yield root
    finally:
        os.close(root)
