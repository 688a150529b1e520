"""The archives of a full backup, unpacked while they are read: each object's checksum, each file's as backup_manifest
has it, all before anything of it counts."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engines.postgres.archives import Member, contents, raw
from engines.postgres.backup_manifest import BackupManifest
from engines.postgres.expected_files import ExpectedFiles, Keep
from engines.streams import ADVICE, ahead
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where files are made and whose they become. `owner` None: this process's own."""

    folder: Path
    owner: int | None = None

    def make_folder(self, path: Path) -> None:
        """With its parents, for nobody but its owner; one that is there stays."""
        if not path.exists():
            self.make_folder(path.parent)
            path.mkdir(mode=0o700)
            if self.owner is not None:
                os.chown(path, self.owner, self.owner)

    @contextmanager
    def member(self, member: Member, path: str) -> Iterator[Keep]:
        """A new file, or a folder, for a member of an archive; its bytes go where this says."""
        name = member.name.removeprefix("./")
        if not member.is_file:
            self.make_folder(self.folder / name)
            yield len
            return
        self.make_folder((self.folder / name).parent)
        try:
            file = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            raise Corrupt(f"{path} is in the backup twice", next_step=ADVICE) from None
        with os.fdopen(file, "wb", buffering=0) as target:
            if self.owner is not None:
                os.fchown(target.fileno(), self.owner, self.owner)

            def keep(piece: bytes) -> None:
                left = memoryview(piece)
                while left:
                    left = left[target.write(left) :]

            yield keep


class Target(Protocol):
    """Where the members of an archive go: a Place, or one that does something else with them."""

    def member(self, member: Member, path: str, /) -> AbstractContextManager[Keep]: ...


def unpack(store: ObjectStore, manifest: Manifest, place_of: Callable[[int | None], Target]) -> ExpectedFiles:
    """Unpack every archive of a backup; `place_of` says where the data directory (None) and each tablespace go.

    Raises Corrupt when anything differs from what the manifest or PostgreSQL's own backup_manifest promises (fault 50),
    Refused for a backup of another layout.
    """
    found = contents(manifest)
    text = b"".join(raw(store, found.manifest))
    expected = ExpectedFiles(BackupManifest.parse(text, found.manifest.key))
    for series in found.archives:
        expected.archive(series, ahead(raw(store, series)), place_of(series.tablespace).member)
    expected.require_all()
    return expected
