"""Every file of a full held against PostgreSQL's backup_manifest while its archives are read."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import google_crc32c

from engines.postgres.archives import Member, Series, members
from engines.postgres.backup_manifest import BackupManifest, Listed
from engines.streams import ADVICE
from recovery.errors import Corrupt

# Of which backup_manifest lists some; WAL has checksums of its own, which whoever reads it looks at.
_WAL_FOLDER = "pg_wal/"
Keep = Callable[[bytes], object]
"""Does something with the next bytes of a file."""
Opened = Callable[[Member, str], AbstractContextManager[Keep]]
"""Of a member, with its path below the data directory."""


class ExpectedFiles:
    """What backup_manifest lists and no archive had so far. `files` and `bytes` count what was read."""

    def __init__(self, listed: BackupManifest) -> None:
        self._missing = {path: each for path, each in listed.files.items() if not path.startswith(_WAL_FOLDER)}
        self.files = self.bytes = 0

    def archive(self, series: Series, chunks: Iterator[bytes], opened: Opened) -> None:
        """Read an archive, each member into what `opened` gives for it.

        Raises Corrupt for any file that is not as listed; but an object that was changed is named first.
        """
        above = f"pg_tblspc/{series.tablespace}/" if series.tablespace else ""
        try:
            for member in members(chunks, series.key):
                path = above + member.name.removeprefix("./")
                with opened(member, path) as keep:
                    if member.is_file:
                        self._file(member, path, series, keep)
        except Corrupt:
            for _ in chunks:
                pass
            raise

    def require_all(self) -> None:
        """Raises Corrupt unless every file was there."""
        if self._missing:
            raise Corrupt(
                f"{len(self._missing)} of the backup's files are missing, {min(self._missing)} among them",
                next_step=ADVICE,
            )

    def _file(self, member: Member, path: str, series: Series, keep: Keep) -> None:
        size = checksum = 0
        for piece in member.content:
            size += len(piece)
            checksum = google_crc32c.extend(checksum, piece)
            keep(piece)
        self.files, self.bytes = self.files + 1, self.bytes + size
        if path.startswith(_WAL_FOLDER):
            return
        listed = self._missing.pop(path, None)
        if listed is None:
            raise Corrupt(f"{series.key} contains {path}, which backup_manifest does not list", next_step=ADVICE)
        if listed != Listed(size, checksum):
            raise Corrupt(
                f"{path} in {series.key} is not what backup_manifest lists: {size:,} bytes with CRC-32C "
                f"{checksum:08x}, not {listed.size:,} with {listed.checksum:08x}",
                next_step=ADVICE,
            )
