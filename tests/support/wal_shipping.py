"""A log in a bucket, put there from a server's own pg_wal: what a shipper leaves behind, without one."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from engines.compression import zstd
from recovery.copies.log import SEGMENT_BYTES, Line, Range, Segment, parse_wal_name
from recovery.lease.lease import parse_lsn
from tests.support.backup_site import Site


def compressed(body: bytes) -> bytes:
    """One frame with a checksum."""
    return zstd.compress(body, options={zstd.CompressionParameter.checksum_flag: 1})


def system_of(site: Site) -> str:
    with site.primary.connect("postgres", "postgres") as session:
        return str(session.execute("SELECT system_identifier FROM pg_control_system()").fetchone()[0])  # type: ignore[index]


def position(site: Site) -> int:
    """Up to where the server has written its log."""
    with site.primary.connect("postgres", "postgres") as session:
        return parse_lsn(session.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()[0])  # type: ignore[index]


class Shipper:
    """Puts the log of one timeline into the bucket: whole segments, and ranges of the last one."""

    def __init__(self, site: Site, *, epoch: int = 1, timeline: int = 1, cuts: Sequence[int] = (100_000,)) -> None:
        self.site, self.line, self.cuts = site, Line(epoch, system_of(site), timeline), cuts

    @property
    def wal(self) -> Path:
        return self.site.primary.data / "pg_wal"

    def ship(self, *, start: int = 0, end: int | None = None) -> int:
        """Everything in pg_wal from `start` and before `end` (now); returns the end."""
        end = position(self.site) if end is None else end
        for path in sorted(self.wal.iterdir()):
            try:
                timeline, begin = parse_wal_name(path.name)
            except ValueError:
                continue
            if timeline != self.line.timeline or begin + SEGMENT_BYTES <= start or begin >= end:
                continue
            body = path.read_bytes()
            if begin + SEGMENT_BYTES <= end and begin >= start:
                self.put(Segment(self.line, begin, begin + SEGMENT_BYTES), body)
            else:
                first, last = max(begin, start), min(end, begin + SEGMENT_BYTES)
                marks = [first, *(first + cut for cut in self.cuts if first + cut < last), last]
                for low, high in pairwise(marks):
                    self.put(Range(self.line, low, high), body[low - begin : high - begin])
        return end

    def put(self, piece: Range | Segment, body: bytes) -> None:
        self.site.store.replace(piece.key, compressed(body), etag=None)

    def put_history(self, text: str) -> None:
        self.site.store.replace(self.line.history_key, text.encode(), etag=None)
