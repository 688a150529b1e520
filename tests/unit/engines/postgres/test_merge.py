"""An incremental's files over those of the backup below, against damage of all kinds."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.postgres.archives import Member
from engines.postgres.merge import Overlay
from engines.postgres.unpack import Place
from recovery.errors import Corrupt
from tests.support.manifests import manifest

BLOCK = 8192
LABEL = b"START WAL LOCATION: 0/99 (file X)\nINCREMENTAL FROM LSN: 0/28\nINCREMENTAL FROM TLI: 1\n"


def block(letter: str) -> bytes:
    return letter.encode() * BLOCK


def changes(kept: int, blocks: dict[int, str], *, magic: int = 0xD3AE1F0D) -> bytes:
    """An INCREMENTAL file: of the older blocks `kept` stay at most, and these come."""
    head = struct.pack("<III", magic, len(blocks), kept) + struct.pack(f"<{len(blocks)}I", *blocks)
    return head + bytes(-len(head) % BLOCK if blocks else 0) + b"".join(block(each) for each in blocks.values())


@pytest.fixture
def below(tmp_path: Path) -> Path:
    (tmp_path / "base" / "5").mkdir(parents=True)
    (tmp_path / "base" / "5" / "16384").write_bytes(block("a") + block("b") + block("c"))
    (tmp_path / "base" / "5" / "gone").write_bytes(b"x")
    return tmp_path


def put(folder: Path, files: dict[str, bytes], *, piece: int = 5000) -> None:
    overlay = Overlay(Place(folder=folder), manifest())
    for name in ("base", "base/5"):
        with overlay.member(Member(name, 0, False, iter(())), name):
            pass
    for name, content in files.items():
        pieces: Iterator[bytes] = (content[at : at + piece] for at in range(0, len(content), piece))
        with overlay.member(Member(name, len(content), True, iter(())), name) as keep:
            for each in pieces:
                keep(each)
    overlay.finish()


@pytest.mark.parametrize("piece", [1, 3, 5000, BLOCK, 10**6])
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        (changes(3, {1: "X"}), "aXc"),
        (changes(3, {}), "abc"),
        (changes(1, {}), "a"),
        (changes(0, {}), ""),
        (changes(1, {2: "Z"}), "a\0Z"),
        (changes(5, {4: "Z"}), "abc\0Z"),
        (changes(4, {3: "D", 0: "A"}), "AbcD"),
    ],
    ids=["one", "none", "truncated", "emptied", "truncated and regrown", "grown with a hole", "unsorted"],
)
def test_blocks_come_and_go(below: Path, changed: bytes, found: str, piece: int) -> None:
    put(below, {"base/5/INCREMENTAL.16384": changed}, piece=piece)
    assert (below / "base/5/16384").read_bytes() == b"".join(block(each) for each in found)


def test_what_is_no_longer_named_is_gone_and_what_is_new_is_there(below: Path) -> None:
    (below / "base/6").mkdir()
    (below / "base/6/16384").write_bytes(b"of a database that was dropped")
    put(below, {"base/5/16384": b"whole", "base/5/new": b"new"})
    assert sorted(str(path.relative_to(below)) for path in below.rglob("*")) == [
        "base",
        "base/5",
        "base/5/16384",
        "base/5/new",
    ]
    assert (below / "base/5/16384").read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"base/5/INCREMENTAL.16384": changes(3, {1: "X"}, magic=7)}, "does not begin as such a file does"),
        ({"base/5/INCREMENTAL.16384": changes(3, {1: "X"})[:-1]}, "ends too early"),
        ({"base/5/INCREMENTAL.16384": changes(3, {1: "X"})[:100]}, "ends too early"),
        ({"base/5/INCREMENTAL.16384": b""}, "ends too early"),
        ({"base/5/INCREMENTAL.16384": changes(3, {1: "X"}) + b"more"}, "goes on after its last block"),
        ({"base/5/INCREMENTAL.16385": changes(3, {})}, "changes a file that 20260101T120000Z-aaaa does not have"),
        ({"base/5/INCREMENTAL.16384": changes(3, {}), "base/5/16384": b""}, "in the backup twice"),
        ({"backup_label": LABEL.replace(b"0/28", b"0/29")}, "builds on the backup at 0/29 of timeline 1, not on"),
        ({"backup_label": LABEL.replace(b"TLI: 1", b"TLI: 2")}, "of timeline 2, not on"),
        ({"backup_label": b"START WAL LOCATION: 0/99 (file X)\n"}, "builds on the backup at None"),
    ],
)
def test_damage_and_strangers_are_found(below: Path, files: dict[str, bytes], complaint: str) -> None:
    with pytest.raises(Corrupt, match=complaint):
        put(below, files)


def test_the_label_becomes_that_of_a_full(below: Path) -> None:
    put(below, {"backup_label": LABEL})
    assert (below / "backup_label").read_bytes() == b"START WAL LOCATION: 0/99 (file X)\n"
