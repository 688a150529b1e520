"""What a server may send instead of a backup; no PostgreSQL needed, it never does it on request."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest

from engines.engine import Folder
from engines.postgres.base_backup_client import BaseBackup, Position
from engines.postgres.full import store_streams
from engines.postgres.replication_connection import ReplicationConnection
from recovery.errors import Failed
from tests.support.fakes import FakeBucket

MEBIBYTE = b"d" + bytes(2**20)
WHOLE = (b"nbase.tar\0\0", *[MEBIBYTE] * 9, b"m", b"d{}")
SOON = 10e9


class Table:
    """A result of libpq's."""

    def __init__(self, *rows: tuple[str | None, ...]) -> None:
        self._rows = rows
        self.ntuples, self.nfields = len(rows), len(rows[0]) if rows else 0

    def get_value(self, row: int, column: int) -> bytes | None:
        found = self._rows[row][column]
        return None if found is None else found.encode()


class Server:
    """A session whose server says what it is told to."""

    def __init__(self, messages: Sequence[bytes], *, tablespaces: Sequence[tuple[str | None, ...]] = ()) -> None:
        self.commands: list[str] = []
        self.refuses_compression = False
        self.ending: psycopg.Error | None = None
        self._messages = list(messages)
        begun = [Table(("0/2000028", "1")), Table((None, None, None), *tablespaces), Table()]
        self._results: list[Table | None] = [*begun, Table(("0/2000100", "1")), None]

    def rows(self, command: str, *, until: float) -> list[Any]:
        self.commands.append(command)
        return []

    def send(self, command: str, *, until: float) -> None:
        self.commands.append(command)
        if self.refuses_compression and "COMPRESSION" in command:
            raise psycopg.errors.FeatureNotSupported("zstd compression is not supported by this build")

    def result(self, *, until: float) -> Table | None:
        if self.ending and not self._messages:
            raise self.ending
        return self._results.pop(0)

    def receive(self, *, until: float) -> memoryview | None:
        return memoryview(self._messages.pop(0)) if self._messages else None


def backup(server: Server, *, compressed: bool = False, until: float = SOON) -> BaseBackup:
    made = BaseBackup(cast("ReplicationConnection", server), until=until)
    made.begin(server_compresses=compressed)
    return made


@pytest.fixture
def folder() -> Folder:
    return Folder(store=FakeBucket(), prefix="x/", retain_until=datetime(2027, 1, 1, tzinfo=UTC))


def stored(folder: Folder) -> list[str]:
    return sorted(cast("FakeBucket", folder.store).objects)


def test_streams_become_objects_and_positions_are_the_servers(folder: Folder) -> None:
    server = Server((b"n16385.tar\0/mnt\0", MEBIBYTE, b"p" + bytes(8), *WHOLE), tablespaces=[("16385", "/mnt", None)])
    made = backup(server)
    parts = store_streams(made, folder)
    assert stored(folder) == ["x/16385.tar.zst", "x/backup_manifest.zst", "x/base.tar.zst"]
    assert [part.raw_bytes for part in parts] == [2**20, 9 * 2**20, 2]
    assert (made.start, made.stop) == (Position(0x2000028, 1), Position(0x2000100, 1))
    assert [each.location for each in made.tablespaces] == ["/mnt"]


def test_what_the_server_compressed_is_stored_as_it_came(folder: Folder) -> None:
    raw = 9_000_000
    server = Server((b"nbase.tar.zst\0\0", b"dpacked", b"p" + raw.to_bytes(8, "big"), b"m", b"d{}"))
    parts = store_streams(backup(server, compressed=True), folder)
    assert "COMPRESSION 'zstd'" in server.commands[-1]
    assert cast("FakeBucket", folder.store).objects["x/base.tar.zst"] == b"packed"
    assert [part.raw_bytes for part in parts] == [raw, 2]


def test_a_server_without_zstd_sends_its_archives_as_they_are(folder: Folder) -> None:
    server = Server(WHOLE)
    server.refuses_compression = True
    store_streams(backup(server, compressed=True), folder)
    assert "COMPRESSION" in server.commands[1] and "COMPRESSION" not in server.commands[3]
    # An error ends the slot, so there is a new one.
    assert all("TEMPORARY PHYSICAL RESERVE_WAL" in server.commands[each] for each in (0, 2))
    assert stored(folder) == ["x/backup_manifest.zst", "x/base.tar.zst"]


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ((), "only nothing with 0 bytes"),
        ((b"nbase.tar\0\0", MEBIBYTE, b"m", b"d{}"), "with 1,048,578 bytes: that is no database cluster"),
        (WHOLE[:-2], "only base.tar with"),
        (WHOLE[-2:], "only backup_manifest with"),
        ((b"n16385.tar\0/mnt\0", MEBIBYTE, *WHOLE), "16385.tar, base.tar, backup_manifest"),
    ],
    ids=["empty", "small", "no manifest", "no data directory", "a tablespace that nobody announced"],
)
def test_what_is_no_whole_cluster_fails_although_the_server_ended_well(
    folder: Folder, messages: Sequence[bytes], complaint: str
) -> None:  # fault 33
    with pytest.raises(Failed, match=complaint):
        store_streams(backup(Server(messages)), folder)


@pytest.mark.parametrize("message", [b"n../../x.tar\0\0", b"nbase.tar.gz\0\0", b"n\0\0", b"dstray", b"x", b"n"])
def test_what_is_no_archive_is_not_stored(folder: Folder, message: bytes) -> None:
    with pytest.raises(Failed, match="something else than an archive"):
        store_streams(backup(Server((message, *WHOLE))), folder)
    assert stored(folder) == []


@pytest.mark.parametrize("cut", [3, len(WHOLE)], ids=["in an archive", "after the last byte"])
def test_an_error_of_the_server_aborts_the_object_that_is_being_written(folder: Folder, cut: int) -> None:  # fault 37
    server = Server(WHOLE[:cut])
    server_backup = backup(server)
    server.ending = psycopg.OperationalError("the standby was promoted during online backup")
    with pytest.raises(psycopg.OperationalError):
        store_streams(server_backup, folder)
    assert stored(folder) == (["x/base.tar.zst"] if cut == len(WHOLE) else [])


def test_a_backup_that_never_waits_is_given_up_in_time_too(folder: Folder) -> None:
    with pytest.raises(TimeoutError):
        store_streams(backup(Server(WHOLE), until=0), folder)
