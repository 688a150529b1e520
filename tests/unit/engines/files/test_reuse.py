"""What a copy uses again of the ones before it: only what has not changed, and only what stays as long as it does."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engines.files import packs
from engines.files.index import entries_of
from recovery.errors import Failed, Refused
from recovery.names import PACKS, manifest_key
from tests.support.files_site import FilesSite, aged, tree
from tests.support.files_site import files as files  # fixture
from tests.support.restore_site import Stock, flipped


class Counting(Stock):
    """A bucket that counts what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.over: list[str] = []

    def put_whole(self, key: str, body: bytearray, *, sha256: str, retain_until: datetime, over: bool = False) -> bool:
        done = super().put_whole(key, body, sha256=sha256, retain_until=retain_until, over=over)
        if done:
            self.written.append(key)
        if over:
            self.over.append(key)
        return done


@pytest.fixture
def site(files: FilesSite) -> FilesSite:
    files.store = Counting()
    return aged(files)


def opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of all files that are read from now on."""
    found: list[bytes] = []
    real = packs.Packs.add

    def add(self: Any, chunks: Any) -> Any:
        found.append(b"")
        return real(self, chunks)

    monkeypatch.setattr(packs.Packs, "add", add)
    return found


def test_an_unchanged_tree_is_neither_read_nor_stored_again(site: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    first = site.back_up()
    read = opened(monkeypatch)
    second = site.back_up()
    assert read == [] and len(site.store.written) == 1
    assert [p.key for p in second.manifest.parts if p.key.startswith(PACKS)] == site.packs
    assert first.manifest.id != second.manifest.id and second.pointer_moved
    site.check()
    site.restore()
    assert tree(site.scratch / "restored") == tree(site.root)


@pytest.mark.parametrize("what", ["size", "mtime", "ctime", "inode"])
def test_changed_is_any_of_size_mtime_ctime_inode(  # pitfall 5
    site: FilesSite, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = site.root / "conf/app.yaml"
    site.back_up()
    before = path.stat()
    if what == "inode":
        other = path.with_name("other")
        other.write_bytes(b"port: 9090\n")
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.rename(path)
    elif what == "size":
        path.write_bytes(b"port: 80\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif what == "mtime":
        path.write_bytes(b"port: 9090\n")
    else:
        path.write_bytes(b"port: 9090\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as rsync -t leaves it; ctime nobody can set
    read = opened(monkeypatch)
    site.back_up()
    assert len(read) == 1
    site.restore()
    assert tree(site.scratch / "restored") == tree(site.root)


def test_files_as_young_as_the_last_run_are_read_again(  # pitfall 5
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.clock = datetime.now(UTC) - timedelta(hours=1, minutes=1)  # the run begins as the files are written
    files.back_up()
    read = opened(monkeypatch)
    files.clock = datetime.now(UTC) + timedelta(days=1)
    files.back_up()
    assert len(read) == 3
    read.clear()
    files.back_up()
    assert read == []


def test_a_pack_is_reused_only_if_its_lock_lasts_as_long_as_the_new_manifests(site: FilesSite) -> None:  # pitfall 1
    site.back_up()
    (pack,) = site.packs
    second = site.back_up()
    assert site.store.retained[pack] == second.manifest.retain_until
    site.keep = timedelta(days=30)  # as the DR site's own copies have it
    third = site.back_up()
    assert site.store.retained[pack] == third.manifest.retain_until and len(site.store.written) == 1
    site.keep = timedelta(days=3)
    fourth = site.back_up()
    assert site.store.retained[pack] == third.manifest.retain_until > fourth.manifest.retain_until  # only ever longer


def test_a_pack_whose_lock_cannot_be_made_longer_is_put_again(  # pitfall 1
    site: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.back_up()
    (pack,) = site.packs

    def refuse(key: str, until: datetime) -> None:
        raise Refused("access denied")

    monkeypatch.setattr(site.store, "lock", refuse)
    second = site.back_up()
    assert site.store.written == [pack, pack] and site.store.over == [pack]
    assert site.store.retained[pack] == second.manifest.retain_until


def test_a_pack_under_a_delete_marker_counts_as_missing(site: FilesSite) -> None:  # pitfall 2
    site.back_up()
    (pack,) = site.packs
    site.store.hide(pack)
    site.back_up()
    assert site.store.written == [pack, pack] and site.store.over == []  # If-None-Match succeeds over a marker
    site.check()


def test_a_damaged_pack_is_not_used_again(site: FilesSite) -> None:
    site.back_up()
    (pack,) = site.packs
    site.store.objects[pack] = flipped(site.store.objects[pack])
    site.back_up()
    assert site.store.over == [pack]
    site.check()


def test_a_pack_that_is_hidden_while_the_copy_is_made_makes_it_fail(
    site: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.back_up()
    (pack,) = site.packs
    site.write("new", b"new")
    real = site.store.put_stream

    def put_stream(key: str, chunks: Any, **options: Any) -> None:
        real(key, chunks, **options)
        site.store.hide(pack)

    monkeypatch.setattr(site.store, "put_stream", put_stream)
    with pytest.raises(Failed, match="was hidden or replaced while the copy was made"):
        site.back_up()
    assert len([key for key in site.store.objects if key.endswith("manifest.json")]) == 1


def test_nothing_is_deleted_or_overwritten_for_a_run_or_a_restore(site: FilesSite) -> None:  # pitfall 4
    seen: dict[str, bytes] = {}
    for number in range(4):
        site.write(f"more/{number}", b"x" * number)
        site.back_up()
        for key, body in seen.items():
            assert key.startswith("pointers/") or site.store.objects[key] == body
        seen = dict(site.store.objects)
    site.restore()
    assert site.store.markers == [] and site.store.over == [] and site.store.objects == seen
    assert len(site.store.written) == len(set(site.store.written))


def test_a_deleted_file_stays_in_older_copies(site: FilesSite) -> None:  # pitfall 7
    first = site.back_up()
    (site.root / "bin/run").unlink()
    site.back_up()
    site.restore(into="now")
    assert not (site.scratch / "now/bin/run").exists()
    site.restore(first.manifest.id, into="then")
    assert (site.scratch / "then/bin/run").read_bytes() == b"#!/bin/sh\nexec true\n"


def test_a_moment_is_what_the_last_copy_before_it_holds(site: FilesSite) -> None:
    first = site.back_up()
    site.write("conf/app.yaml", b"port: 9090\n")
    second = site.back_up()
    between = first.manifest.finished + (second.manifest.finished - first.manifest.finished) / 2
    site.restore(between.isoformat(), into="then")
    assert (site.scratch / "then/conf/app.yaml").read_bytes() == b"port: 8080\n"
    with pytest.raises(Refused, match="is before the oldest backup"):
        site.plan_restore("2020-01-01T00:00:00Z")
    with pytest.raises(Refused, match="is a position in PostgreSQL's log"):
        site.plan_restore("0/3000148")


@pytest.mark.parametrize("what", ["index", "manifest"])
def test_a_damaged_copy_before_this_one_only_means_that_all_is_read(site: FilesSite, what: str) -> None:
    first = site.back_up()
    key = first.manifest.parts[0].key if what == "index" else first.manifest_key
    site.store.objects[key] = flipped(site.store.objects[key])
    site.write("conf/app.yaml", b"port: 9090\n")
    second = site.back_up()
    assert second.pointer_moved
    if what == "index":
        assert second.manifest.remarks[0].startswith("all was read anew, nothing compared: the copy before this one is")
    site.check(second.manifest.id)
    site.restore(second.manifest.id)
    assert tree(site.scratch / "restored") == tree(site.root)


def test_another_roots_copy_is_not_built_on(site: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.back_up()
    section = site.section()
    monkeypatch.setattr(site, "section", lambda: section.model_copy(update={"root": "/srv/other"}))
    read = opened(monkeypatch)
    made = site.back_up()
    assert len(read) == 3 and made.manifest.source.system_identifier.startswith("srv-other-")


def test_the_source_is_the_same_through_whatever_mount_it_is_read(site: FilesSite) -> None:
    one = site.back_up().manifest.source.system_identifier
    moved = site.root.rename(site.root.with_name("mounted"))
    site.root = moved
    assert site.back_up().manifest.source.system_identifier == one == "opt-ultramarket-" + one[-8:]


def test_a_manifest_whose_packs_have_not_all_arrived_is_arriving(site: FilesSite) -> None:  # pitfall 3
    from engines.catalog import entries

    made = site.back_up()
    (pack,) = site.packs
    del site.store.objects[pack]
    (entry,) = entries(site.store, "files", "full")
    assert entry.manifest is None and entry.arrival and entry.arrival.missing == (pack,)
    assert entry.problem(made.manifest.finished).startswith("arriving: 1 of 2 objects")
    with pytest.raises(Refused, match="holds no files full backup that is all there"):
        site.check()
    site.store.objects[pack] = b"another size"
    (entry,) = entries(site.store, "files", "full")
    assert entry.arrival and entry.arrival.changed == (pack,)


def test_a_manifest_names_its_folder_and_the_shared_packs_and_nothing_else(site: FilesSite) -> None:
    from engines.catalog import read_manifest
    from recovery.copies.manifest import Part
    from recovery.errors import Corrupt

    made = site.back_up()
    for stranger in ("postgres/full/x", "files/packs/../full/x", "files/packsx/y", f"{PACKS}../../pointers/x"):
        part = Part(key=stranger, bytes=1, sha256="0" * 64, raw_bytes=1)
        changed = made.manifest.model_copy(update={"parts": (*made.manifest.parts, part)})
        site.store.objects[made.manifest_key] = changed.to_json()
        with pytest.raises(Corrupt, match="is not about its own folder: it names"):
            read_manifest(site.store, manifest_key(made.manifest.folder))


def test_hard_links_are_used_again_as_one_file(site: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.root / "bin/also").hardlink_to(site.root / "bin/run")
    site.back_up()
    read = opened(monkeypatch)
    made = site.back_up()
    assert read == []
    assert {each.path: each.same for each in entries_of(site.store, made.manifest)}[b"bin/run"] == b"bin/also"
    site.restore()
    assert tree(site.scratch / "restored") == tree(site.root)
