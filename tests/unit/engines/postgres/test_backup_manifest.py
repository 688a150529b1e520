"""PostgreSQL's list of a backup's files: read as the server writes it, and believed only when it is whole."""

import hashlib

import pytest

from engines.postgres.backup_manifest import BackupManifest, Listed, WalRange
from recovery.errors import Corrupt

# As PostgreSQL 18.6 wrote it, shortened.
FILES = """{ "PostgreSQL-Backup-Manifest-Version": 2,
"System-Identifier": 7713806415526851123,
"Files": [
{ "Path": "backup_label", "Size": 227, "Last-Modified": "2026-11-30 03:48:41 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "7ac4e1f0" },
{ "Encoded-Path": "706f7fff", "Size": 0, "Last-Modified": "2026-11-30 03:47:47 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "00000000" }
],
"WAL-Ranges": [
{ "Timeline": 1, "Start-LSN": "0/B000028", "End-LSN": "0/B000120" }
],
"""  # noqa: E501


def signed(text: str) -> bytes:
    """With the last line that says what all before it hashes to."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{text}"Manifest-Checksum": "{digest}"}}\n'.encode()


def test_files_and_wal_are_read() -> None:
    found = BackupManifest.parse(signed(FILES), "key")
    odd = b"po\x7f\xff".decode("utf-8", "surrogateescape")
    assert found.files == {"backup_label": Listed(227, 0xF0E1C47A), odd: Listed(0, 0)}
    assert found.wal == (WalRange(1, 0xB000028, 0xB000120),)


@pytest.mark.parametrize(
    "text",
    [signed(FILES)[:-1], signed(FILES) + b"\n", signed(FILES).replace(b"227", b"228"), FILES.encode(), b""],
    ids=["cut off", "appended", "changed", "unsigned", "empty"],
)
def test_one_that_is_not_whole_is_not_read(text: bytes) -> None:
    with pytest.raises(Corrupt, match="key is no whole backup_manifest"):
        BackupManifest.parse(text, "key")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"CRC32C"', '"SHA256"'),
        ('"Timeline": 1, ', ""),
        ('{ "Timeline": 1, "Start-LSN": "0/B000028", "End-LSN": "0/B000120" }', ""),
        ('"Size": 227', '"Size": "many"'),
        ('"Path": "backup_label", ', ""),
        ('"Files": [', '"Files": ['[:-1] + "7, ["),
    ],
    ids=["another checksum", "no timeline", "no WAL", "a size that is none", "no path", "no JSON"],
)
def test_one_that_says_something_else_than_we_ask_for_is_corrupt(before: str, after: str) -> None:
    with pytest.raises(Corrupt, match="key is no backup_manifest as we make them"):
        BackupManifest.parse(signed(FILES.replace(before, after)), "key")
