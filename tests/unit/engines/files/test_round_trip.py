"""Files on their way out and back: what comes back is what was there, whatever it is called, however it lies there."""

import os
import random
import socket
import string
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.files import packs
from engines.files.index import INDEX, entries_of
from recovery.errors import Failed
from tests.support.files_site import FilesSite, aged, make_site, manifest_of, tree
from tests.support.files_site import files as files  # fixture


def noise(size: int) -> bytes:
    """Always the same, and nothing to be saved of it."""
    return random.Random(size).randbytes(size)  # noqa: S311


def same(site: FilesSite, into: str = "restored") -> bool:
    site.restore(into=into)
    return tree(site.scratch / into) == tree(site.root)


def test_what_comes_back_is_what_was_there(files: FilesSite) -> None:
    made = files.back_up()
    assert files.check().files == 3
    done = files.restore()
    assert tree(files.scratch / "restored") == tree(files.root)
    assert (done.files, done.links) == (3, 1)
    assert made.pointer_moved and len(files.packs) == 1


@pytest.mark.parametrize(
    "name",
    [b"with\nnewline", b"not \xff\xfe utf-8", b" ", b"-rf", b"\x01\x1b[31m", "größe".encode(), b"x" * 255, b".hidden"],
)
def test_a_name_is_kept_byte_for_byte(files: FilesSite, name: bytes) -> None:
    folder = os.path.join(os.fsencode(files.root), name)  # noqa: PTH118 (bytes)
    os.mkdir(folder)  # noqa: PTH102 (bytes)
    with open(folder + b"/" + name, "wb") as file:  # noqa: PTH123 (bytes)
        file.write(b"content")
    os.symlink(name, folder + b"/link")  # noqa: PTH211 (bytes)
    files.back_up()
    files.check()
    assert same(files)


def test_hard_links_come_back_as_one_file_and_are_stored_once(files: FilesSite) -> None:
    content = noise(100_000)
    first = files.write("a/first", content)
    for name in ("a/second", "b/third"):
        (files.root / name).parent.mkdir(exist_ok=True)
        (files.root / name).hardlink_to(first)
    made = files.back_up()
    assert made.manifest.stored_bytes < 110_000
    assert same(files)
    assert (files.scratch / "restored/a/first").stat().st_nlink == 3


def test_a_sparse_file_comes_back_with_its_hole(files: FilesSite) -> None:
    path = files.write("database.img", b"head")
    with path.open("r+b") as file:
        file.seek(300 * 2**20)
        file.write(b"tail")
    made = files.back_up()
    assert made.manifest.stored_bytes < 100_000
    assert files.check().raw_bytes > 300 * 2**20
    order_room = files.plan_restore().disk_bytes
    assert order_room < 2**20  # holes take no room
    assert same(files)
    assert (files.scratch / "restored/database.img").stat().st_blocks * 512 < 2**20


def test_modes_and_times_come_back_folders_own_too(files: FilesSite) -> None:
    files.write("secret/key", b"k", mode=0o400)
    files.write("shared/note", b"n", mode=0o666)
    (files.root / "shared").chmod(0o1777)
    (files.root / "secret").chmod(0o500)
    for path in ("secret", "conf/app.yaml", "current"):
        os.utime(files.root / path, ns=(10**18 + 7, 10**18 + 7), follow_symlinks=False)
    os.utime(files.root / "empty", ns=(-1_500_000_000, -1_500_000_000))  # before 1970
    files.back_up()
    assert same(files)
    (files.root / "secret").chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_and_set_id_bits_come_back_for_root_and_go_with_another_owner(files: FilesSite) -> None:
    path = files.write("bin/tool", b"#!/bin/sh\n")
    os.chown(path, 1234, 4321)
    path.chmod(0o6755)
    os.chown(files.root / "current", 77, 88, follow_symlinks=False)
    files.back_up()
    assert same(files)
    done = files.restore(into="theirs", owner=99)
    found = (files.scratch / "theirs/bin/tool").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777, done.plain) == (99, 99, 0o755, 1)


def test_sockets_and_pipes_are_left_out_and_told(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files.root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("application.sock")
    os.mkfifo("queue")
    made = files.back_up()
    assert made.manifest.remarks == ("sockets, pipes and devices are not copied: application.sock, queue",)
    assert made.pointer_moved
    files.restore()
    assert not (files.scratch / "restored/queue").exists()


def test_extended_attributes_are_told_not_kept(files: FilesSite) -> None:
    try:
        os.setxattr(files.root / "conf/app.yaml", "user.origin", b"somewhere")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    said = ("extended attributes are not kept: conf/app.yaml",)
    assert aged(files).back_up().manifest.remarks == said
    again = files.back_up()  # the file is unchanged, and it is still told
    assert again.manifest.remarks == said


def test_a_file_longer_than_a_pack_lies_in_several(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "RAW_BYTES", 2**20)
    files.write("long", noise(5 * 2**20))
    files.write("short", b"end")
    made = files.back_up()
    entries = {each.path: each for each in entries_of(files.store, made.manifest)}
    assert (len(entries[b"long"].pieces), len(files.packs)) == (5, 6)
    files.check()
    assert same(files)


def test_packs_of_equal_content_are_one_and_are_put_together_again(
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "RAW_BYTES", 2**20)
    files.write("z", bytes(3 * 2**20) + b"x" * 2**20 + bytes(2 * 2**20))
    made = files.back_up()
    assert len(files.packs) < 5
    assert files.check().raw_bytes == 6 * 2**20 + 31
    assert same(files) and made.pointer_moved


def test_the_lines_that_wait_for_their_pack_are_bounded(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "MOST_PIECES", 10)
    for number in range(95):
        files.write(f"many/{number}", b"%d" % number)
    files.back_up()
    assert len(files.packs) == 10
    assert same(files)


def test_a_folder_without_a_file_is_no_copy(tmp_path: Path) -> None:  # fault 33: perhaps nothing is mounted
    site = make_site(tmp_path)
    (site.root / "folder").mkdir()
    with pytest.raises(Failed, match="there is not one file in /opt/ultramarket: nothing was stored"):
        site.back_up()
    assert site.store.objects == {}


def test_it_ends_at_its_time_limit_and_what_is_stored_is_used_by_the_next_run(
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.files.full._LINES", 1)
    monkeypatch.setattr(packs, "MOST_PIECES", 1)
    clock = iter(range(1000))
    monkeypatch.setattr("engines.files.full.time.monotonic", lambda: next(clock))
    with pytest.raises(Failed, match="was not finished within 0:00:03; without a manifest it is none"):
        files.back_up(time_limit=timedelta(seconds=3))
    assert files.packs
    monkeypatch.setattr("engines.files.full.time.monotonic", time.monotonic)
    stored = set(files.packs)
    assert stored and not [key for key in files.store.objects if key.endswith("manifest.json")]
    made = files.back_up()
    assert stored <= {part.key for part in made.manifest.parts}


def test_one_long_file_ends_at_the_time_limit_too(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "RAW_BYTES", 2**20)
    files.write("long", noise(20 * 2**20))
    clock = iter(range(1000))
    monkeypatch.setattr("engines.files.full.time.monotonic", lambda: next(clock))
    with pytest.raises(Failed, match="was not finished within 0:00:05"):
        files.back_up(time_limit=timedelta(seconds=5))
    assert len(files.packs) < 10


_NAMES = st.text(alphabet=string.ascii_letters + "-. é\n", min_size=1, max_size=6).filter(
    lambda name: name not in (".", "..")
)
_TREES = st.dictionaries(
    st.lists(_NAMES, min_size=1, max_size=3).map(tuple), st.binary(max_size=3000), min_size=1, max_size=12
)


@settings(max_examples=25)
@given(first=_TREES, second=_TREES)
def test_any_tree_comes_back_after_any_change(
    first: dict[tuple[str, ...], bytes], second: dict[tuple[str, ...], bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = aged(make_site(tmp_path_factory.mktemp("any")))
    for number, content in enumerate((first, second, first | second)):
        for names, body in content.items():
            path = site.root.joinpath(*names)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            except OSError:  # a file where a folder should be, or the other way round
                continue
        site.back_up()
        site.check()
        assert same(site, f"restored-{number}")


def test_the_index_lies_in_the_copys_own_folder_and_names_every_pack(files: FilesSite) -> None:
    made = files.back_up()
    manifest = manifest_of(files, made)
    assert manifest.parts[0].key == manifest.folder + INDEX
    assert sorted(files.packs) == sorted(part.key for part in manifest.parts[1:])
