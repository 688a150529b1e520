"""The log for the standby in the same Pod, whose container has bash and no SDK: its `restore_command` asks by TCP.

A request is one line, a file's name as PostgreSQL has it. The answer is a line `LENGTH SIZE` and LENGTH bytes: the
beginning of a file that is SIZE bytes long, all of it or as far as the bucket has it. `0 0`: not now.
"""

import socketserver
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from engines.postgres.wal_ahead import Vouched, ends_at, history, pieces
from engines.postgres.wal_archive import decompressed
from engines.postgres.wal_bucket import segment_bytes_of
from recovery.copies.log import (
    SEGMENT_BYTES,
    Held,
    all_of,
    chain,
    parse_history_name,
    parse_wal_name,
)
from recovery.errors import Corrupt, DrError
from recovery.lease.lease import Lease
from recovery.ports.buckets import ObjectStore

_READERS = 8
Body = bytes | memoryview
_ASK_SECONDS = 5.0


class LogServer:
    """Looks into the bucket anew for each request. `vouched` is what the lease says now, None while it is not known.
    `trouble` is told why something could not be given."""

    def __init__(
        self,
        store: ObjectStore,
        vouched: Callable[[], Vouched | None],
        *,
        trouble: Callable[[DrError], None] = lambda _: None,
    ) -> None:
        self._store, self._vouched, self._trouble = store, vouched, trouble
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="log")
        self._sizes: dict[str, int] = {}  # of a WAL file, by system: made by initdb, once and for all
        self._name, self._kept = "", dict[str, bytes]()  # the unfinished file is asked for again and again

    def answer(self, name: str) -> list[Body]:
        """Header and body, in parts, so that a large file is in memory once. Never raises: whatever is wrong, the
        standby goes on with its stream and asks again."""
        try:
            found = self._file(name)
        except DrError as error:
            self._trouble(error)
            found = None
        if found is None:
            return [b"0 0\n"]
        body, size = found
        return [b"%d %d\n" % (sum(map(len, body)), size), *body]

    def _file(self, name: str) -> tuple[list[Body], int] | None:
        vouched = self._vouched()
        if vouched is None:
            return None
        of_history = parse_history_name(name)
        if of_history is not None:
            text = history(self._store, vouched, of_history)
            return None if text is None else ([text.encode()], len(text.encode()))
        size = self._segment_bytes(vouched.system)
        try:
            timeline, start = parse_wal_name(name, size)
        except ValueError:
            return None
        left = ends_at(self._store, vouched, timeline)
        end = start + size if left is None else min(left, start + size)
        if name != self._name:
            self._name, self._kept = name, {}
        lines = vouched.lines(timeline)
        found = [each for line in lines for each in pieces(self._store, line, start, end, segment_bytes=size)]
        held = list(chain(all_of(found), start, end))
        body = list(self._pool.map(self._read, held))
        return (body, size) if body else None

    def _segment_bytes(self, system: str) -> int:
        """Before anybody has shipped it is not known, and is asked again."""
        if system not in self._sizes and (found := segment_bytes_of(self._store, system)):
            self._sizes[system] = found
        return self._sizes.get(system, SEGMENT_BYTES)

    def _read(self, held: Held) -> Body:
        piece = held.piece
        if piece.key not in self._kept:
            stored = self._store.get(piece.key)
            if stored is None:  # its segment has taken its place since: found when it is asked for again
                raise Corrupt(f"{piece.key} went away while it was read")
            self._kept[piece.key] = decompressed(stored[0], piece)
        return memoryview(self._kept[piece.key])[held.start - piece.start : held.end - piece.start]


class Listener(socketserver.TCPServer):
    """`log` at an address; one request at a time, as PostgreSQL asks. `serve_forever` until `shutdown`."""

    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], log: LogServer) -> None:
        self.log = log
        super().__init__(address, _Handler)


class _Handler(socketserver.StreamRequestHandler):
    timeout = _ASK_SECONDS  # who connects and says nothing is left alone

    def handle(self) -> None:
        assert isinstance(self.server, Listener)  # noqa: S101  (for the type checker)
        with suppress(OSError):  # whoever asked has gone
            name = self.rfile.readline(256).decode(errors="replace").rstrip("\n")
            for part in self.server.log.answer(name):
                self.wfile.write(part)


class ServedPostgresLog:
    """`engines.serving.ServedLog`."""

    dataset = "postgres"

    def listening(
        self,
        store: ObjectStore,
        lease: Callable[[], Lease | None],
        address: tuple[str, int],
        *,
        trouble: Callable[[DrError], None],
    ) -> Listener:
        """See there."""
        return Listener(address, LogServer(store, lambda: Vouched.by(lease()), trouble=trouble))
