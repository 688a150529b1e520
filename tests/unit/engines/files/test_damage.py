"""Whatever rots, lies or dies: it is found before the target is there, and running it again does what was asked."""

import json
import os
import shutil
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engines.catalog import entries
from engines.compression import zstd
from engines.files import restore as restoring
from engines.files.index import INDEX, Entry, entries_of, header
from engines.streams import Tally, compressed
from operations.copies.restore import plan_restore
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt, DrError, Failed, Refused
from recovery.names import manifest_key, pack_key
from recovery.ports.buckets import HeldObject
from tests.support.files_site import FilesSite, aged, make_site, tree
from tests.support.files_site import files as files  # fixture
from tests.support.restore_site import Stock, flipped
from tests.support.simulated_log import DyingBucket, Killed


class Dying(DyingBucket):
    """Dies at any operation of a copy of files as well."""

    def put_stream(self, key: str, chunks: Any, **options: Any) -> None:
        body = b"".join(bytes(each) for each in chunks)
        self._do(f"stream to {key}", lambda: super(Dying, self).put_stream(key, [body], **options))

    def put_whole(self, key: str, body: bytearray, **options: Any) -> bool:
        return self._do(f"put {key}", lambda: super(Dying, self).put_whole(key, body, **options))

    def head(self, key: str) -> HeldObject | None:
        return self._do(f"head {key}", lambda: super(Dying, self).head(key))


def dying(tmp_path: Path) -> FilesSite:
    """With one whole copy, and a change since."""
    site = aged(make_site(tmp_path))
    site.store = Dying()
    for number in range(5):
        site.write(f"many/{number}", b"x" * number)
    site.back_up()
    site.write("many/new", b"new")
    site.store.live()
    return site


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_operation_of_the_store_the_next_run_makes_a_whole_copy(tmp_path: Path, after: bool) -> None:
    (tmp_path / "count").mkdir()
    site = dying(tmp_path / "count")
    site.back_up()
    operations = len(site.store.operations)
    assert operations > 8
    for number in range(1, operations + 1):
        (tmp_path / str(number)).mkdir()
        site = dying(tmp_path / str(number))
        (whole,) = (key for key in site.store.objects if key.endswith("manifest.json"))
        site.store.die_at, site.store.after = number, after
        with pytest.raises(Killed):
            site.back_up()
        site.store.live()
        found = entries(site.store, "files", "full")
        assert all(each.manifest or not each.arrival for each in found)  # a copy is whole, or none
        assert whole in site.store.objects
        site.check()
        made = site.back_up()
        site.check(made.manifest.id)
        stock = Stock(site.store.objects)
        replace(site, store=stock).restore(made.manifest.id)
        assert tree(site.scratch / "restored") == tree(site.root)


def test_a_flipped_byte_in_any_stored_object_is_found_before_the_target_is_there(files: FilesSite) -> None:  # fault 50
    files.write("noise", os.urandom(20_000))
    made = files.back_up()
    for key in [part.key for part in made.manifest.parts] + [made.manifest_key]:
        body = files.store.objects[key]
        for position in {0, 5, len(body) // 3, len(body) // 2, len(body) - 1}:
            files.store.objects[key] = flipped(body, position)
            with pytest.raises((Corrupt, Refused)):  # Refused: no copy is left that is whole
                files.check(made.manifest.id)
            with pytest.raises((Corrupt, Refused)):
                files.restore(made.manifest.id)
            assert list(files.scratch.iterdir()) == []
        files.store.objects[key] = body
    files.check()


@pytest.mark.parametrize("length", [0, 1, -1])
def test_a_truncated_object_is_found(files: FilesSite, length: int) -> None:  # fault 50
    made = files.back_up()
    for part in made.manifest.parts:
        body = files.store.objects[part.key]
        files.store.objects[part.key] = body[:length]
        with pytest.raises((Corrupt, Refused)):
            files.check(made.manifest.id)
        files.store.objects[part.key] = body


class Forged:
    """A copy with right checksums and an index that somebody made up."""

    def __init__(self, site: FilesSite, entries: list[Entry], *, raw: bytes | None = None) -> None:
        content = b"content"
        pack, size = b"".join(compressed([memoryview(content)], Tally())), len(content)
        self.pack = sha256(pack).hexdigest()
        text = raw if raw is not None else b"".join(each.to_line() for each in entries)
        index = zstd.compress(header("/opt/ultramarket") + text)
        made = aged(site).back_up().manifest
        parts = (
            Part(key=made.folder + INDEX, bytes=len(index), sha256=sha256(index).hexdigest(), raw_bytes=1000),
            Part(key=pack_key(self.pack), bytes=len(pack), sha256=self.pack, raw_bytes=size),
        )
        self.manifest: Manifest = made.model_copy(update={"parts": parts})
        site.store.objects |= {
            parts[0].key: index,
            parts[1].key: pack,
            manifest_key(made.folder): self.manifest.to_json(),
        }


PACK = sha256(b"".join(compressed([memoryview(b"content")], Tally()))).hexdigest()
ROOT = Entry(path=b"", kind="folder", mode=0o755, uid=0, gid=0, mtime="1700000000.000000000")


def folder(path: bytes) -> Entry:
    return replace(ROOT, path=path)


def link(path: bytes, target: bytes) -> Entry:
    return replace(ROOT, path=path, kind="link", target=target)


def file(path: bytes, **changes: Any) -> Entry:
    from engines.files.index import Piece

    entry = replace(
        ROOT,
        path=path,
        kind="file",
        ctime=ROOT.mtime,
        size=7,
        sha256=sha256(b"content").hexdigest(),
        pieces=(Piece(PACK, 0, 7),),
    )
    return replace(entry, **changes)


@pytest.mark.parametrize(
    ("made_up", "why"),
    [
        ([ROOT, folder(b".."), file(b"../evil")], "a path is unsafe"),
        ([ROOT, file(b"/etc/passwd")], "a path is unsafe"),
        ([ROOT, folder(b"a"), file(b"a//b")], "a path is unsafe"),
        ([ROOT, folder(b"a"), file(b"a/../../evil")], "a path is unsafe"),
        ([ROOT, folder(b"a"), file(b"a/.")], "a path is unsafe"),
        ([ROOT, file(b"a\0b")], "a path is unsafe"),
        ([ROOT, link(b"a", b"/etc"), file(b"a/passwd")], "a path lies in no folder"),
        ([ROOT, file(b"a"), file(b"a/b")], "a path lies in no folder"),
        ([ROOT, file(b"a/b")], "a path lies in no folder"),
        ([ROOT, folder(b"a"), folder(b"b"), file(b"a/c")], "paths are not in their order"),
        ([ROOT, file(b"a"), file(b"a")], "paths are not in their order"),
        ([ROOT, ROOT], "paths are not in their order"),
        ([file(b"a")], "the root does not come first"),
        ([link(b"", b"/etc")], "the root does not come first"),
        ([ROOT, file(b"a", same=b"../../etc/passwd")], "a hard link is to no file before it"),
        ([ROOT, file(b"a", same=b"b"), file(b"b", links=2)], "a hard link is to no file before it"),
        ([ROOT, folder(b"/".join([b"d"] * 300))], "a path is too deep"),
    ],
)
def test_names_that_lead_out_of_the_target_are_refused(  # pitfall 8
    files: FilesSite, made_up: list[Entry], why: str
) -> None:
    Forged(files, made_up)
    with pytest.raises(Corrupt, match=f"is no index: line .*{why}"):
        files.check()
    with pytest.raises(Corrupt, match=why):
        files.restore()
    assert list(files.scratch.iterdir()) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        ROOT.to_line().replace(b'"0755"', b'"7777777"'),
        ROOT.to_line().replace(b'"uid":0', b'"uid":-1'),
        ROOT.to_line().replace(b'"uid":0', b'"uid":true'),
        ROOT.to_line() + file(b"a").to_line().replace(b'"bytes":7', b'"bytes":8'),
        ROOT.to_line() + file(b"a").to_line().replace(PACK.encode(), b"f" * 64),
        ROOT.to_line() + file(b"a").to_line().replace(PACK.encode(), b"../x"),
        ROOT.to_line() + file(b"a", pieces=(), size=0).to_line(),
    ],
    ids=[
        "empty",
        "object",
        "list",
        "null",
        "no text",
        "deep",
        "mode",
        "negative",
        "bool",
        "size",
        "pack",
        "name",
        "hash",
    ],
)
def test_a_line_that_is_none_is_told_by_its_number(files: FilesSite, raw: bytes) -> None:
    Forged(files, [], raw=raw)
    with pytest.raises(Corrupt, match=r"is no index: (line|it ends after)"):
        files.check()


def test_a_piece_beyond_its_packs_end_is_refused(files: FilesSite) -> None:
    from engines.files.index import Piece

    Forged(files, [ROOT, file(b"a", pieces=(Piece(PACK, 5, 7),))])
    with pytest.raises(Corrupt, match="a piece lies in no pack of the copy"):
        files.check()


def test_a_file_whose_content_is_another_is_never_renamed_into_place(  # pitfall 9
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    Forged(files, [ROOT, file(b"a", sha256="0" * 64)])
    renamed: list[Any] = []
    monkeypatch.setattr(restoring.os, "rename", lambda *names, **_: renamed.append(names))
    with pytest.raises(Corrupt, match=r"a in files/packs/.* was changed: its SHA-256 is not the index's"):
        files.restore()
    assert renamed == [] and list(files.scratch.iterdir()) == []


def test_a_link_that_is_put_in_the_way_leads_nowhere(
    files: FilesSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with a hand in the folder beside the target, while it fills."""
    outside = tmp_path / "outside"
    outside.mkdir()
    files.back_up()
    real: Callable[..., Any] = restoring._Tree.file

    def swapped(self: Any, entry: Entry) -> Any:
        data = files.scratch / ".restored.dr-restore/data"
        if (data / "conf").is_dir() and not (data / "conf").is_symlink():
            (data / "conf").rmdir()
            (data / "conf").symlink_to(outside)
        return real(self, entry)

    monkeypatch.setattr(restoring._Tree, "file", swapped)
    with pytest.raises(Failed, match="conf"):
        files.restore()
    assert list(outside.iterdir()) == []


def killed(site: FilesSite, what: str, number: int) -> bool:
    """Restore in a process of its own, which is killed at the `number`th call of `os.what`; whether it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # our threads have ended
        child = os.fork()
    if not child:
        left, real = [number], getattr(os, what)

        def die(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(os, what, die)
        try:
            site.restore()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_restore_that_is_killed_is_run_again(files: FilesSite) -> None:
    files.back_up()
    for what in ("mkdir", "open", "rename", "symlink", "fchmod", "utime"):
        number = 1
        while killed(files, what, number):
            number += 1
            if (files.scratch / "restored").exists():  # then all of it was there before
                assert tree(files.scratch / "restored") == tree(files.root)
                shutil.rmtree(files.scratch / "restored")
        assert number > 1
        assert tree(files.scratch / "restored") == tree(files.root)
        assert [each.name for each in files.scratch.iterdir()] == ["restored"]
        shutil.rmtree(files.scratch / "restored")


def test_a_target_that_is_not_empty_is_refused(files: FilesSite) -> None:  # fault 54
    files.back_up()
    (files.scratch / "restored").mkdir()
    files.restore()
    before = tree(files.scratch / "restored")
    with pytest.raises(Refused, match="is not empty: a restore never writes over data"):
        files.restore()
    assert tree(files.scratch / "restored") == before


def test_a_full_disk_is_forecast_and_so_are_its_names(  # pitfall 9
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write("large", bytes(10_000_000))
    files.back_up()
    order = files.plan_restore()
    assert order.disk_bytes > 10_000_000 and order.files == 4
    with monkeypatch.context() as patch:
        patch.setattr("engines.restoring.shutil.disk_usage", lambda _: type("Usage", (), {"free": 9_999_999}))
        with pytest.raises(Refused, match="has 9,999,999 bytes free, the restore needs"):
            files.plan_restore()
    real = os.statvfs(files.scratch)
    values = list(real)
    values[5:8] = 100, 3, 3  # inodes
    monkeypatch.setattr("engines.files.restore_order.os.statvfs", lambda _: os.statvfs_result(values))
    with pytest.raises(Refused, match="has room for 3 more files and folders, the restore needs 8"):
        files.plan_restore()


def test_a_disk_that_fills_meanwhile_is_worded_and_nothing_is_left(
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 38
    files.back_up()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restoring, "_write", full)
    with pytest.raises(Failed, match="cannot be restored: No space left on device"):
        files.restore()
    assert list(files.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        ("conf", {b".", b"conf", b"conf/app.yaml"}),
        ("*.yaml", {b".", b"conf", b"conf/app.yaml"}),
        ("bin/run", {b".", b"bin", b"bin/run"}),
        ("current", {b".", b"current"}),
        ("nothing", {b"."}),
    ],
)
def test_a_path_or_a_pattern_is_restored_alone(files: FilesSite, only: str, wanted: set[bytes]) -> None:
    files.back_up()
    files.restore(DR_ONLY_FILES=only)
    whole, found = tree(files.root), tree(files.scratch / "restored")
    assert set(found) == wanted and all(found[each] == whole[each] for each in wanted)


def test_a_hard_link_is_restored_alone(files: FilesSite) -> None:
    files.write("a", b"content")
    for name in ("b/two", "b/three"):
        (files.root / name).parent.mkdir(exist_ok=True)
        (files.root / name).hardlink_to(files.root / "a")
    files.back_up()
    files.restore(DR_ONLY_FILES="b")
    found = files.scratch / "restored/b"
    assert (found / "two").read_bytes() == b"content" and (found / "two").samefile(found / "three")
    assert (found / "two").stat().st_nlink == 2


def test_there_is_no_standby_of_files(files: FilesSite) -> None:
    files.back_up()
    with pytest.raises(Refused, match="files have no log for a server to follow"):
        plan_restore(files.store, "files", "latest", files.scratch / "x", environment={}, standby=True)


@pytest.mark.parametrize("only", ["/etc", "../x", "a/", "*"])
def test_a_pattern_that_is_none_is_refused(files: FilesSite, only: str) -> None:
    files.back_up()
    with pytest.raises(Refused, match="--only"):
        files.plan_restore(DR_ONLY_FILES=only)


def test_a_copy_in_an_archive_class_is_planned_without_being_read(files: FilesSite) -> None:  # fault 56
    made = files.back_up()
    for part in made.manifest.parts:
        files.store.storage[part.key] = "GLACIER"
    order = files.plan_restore()
    assert order.files is None and len(order.archived.unasked) == 2
    with pytest.raises(Refused, match="what is needed cannot be read yet"):
        files.restore()


def test_a_name_in_a_message_stays_on_its_line(files: FilesSite) -> None:
    Forged(files, [ROOT, file(b"new\nline\xff", sha256="0" * 64)])
    with pytest.raises(DrError) as error:
        files.restore()
    assert "new\\nline\\xff in files/packs/" in error.value.what and "\n" not in error.value.what


def test_the_index_can_be_read_by_anybody(files: FilesSite) -> None:
    made = files.back_up()
    lines = zstd.decompress(files.store.objects[made.manifest.parts[0].key]).splitlines()
    first, *rest = [json.loads(line) for line in lines]
    assert first == {"format": 1, "index_of": "files", "root": "/opt/ultramarket"}
    assert [each["path"] for each in rest] == [".", "bin", "bin/run", "conf", "conf/app.yaml", "current", "empty"]
    assert rest[2]["mode"] == "0755" and rest[5]["target"] == "bin/run"
    assert [each.path for each in entries_of(files.store, made.manifest)][1] == b"bin"
    assert datetime.fromtimestamp(float(rest[4]["mtime"])).year >= 2026  # noqa: DTZ006
