"""A tree that changes, or is changed on purpose, while it is walked: a copy is what was there, or says what is not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.files.index import DEEPEST, Entry, entries_of
from recovery.errors import Failed, Refused
from tests.support.files_site import FilesSite, aged, manifest_of, tree
from tests.support.files_site import files as files  # fixture


def entries(site: FilesSite) -> dict[bytes, Entry]:
    """Of the last copy that was made."""
    key = max(key for key in site.store.objects if key.endswith("manifest.json"))
    from recovery.copies.manifest import Manifest

    return {each.path: each for each in entries_of(site.store, Manifest.from_json(site.store.objects[key], key=key))}


class Meanwhile:
    """Does something as soon as `what` is about to be opened in the walk, so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, what: bytes, act: Callable[[], None], times: int = 1) -> None:
        self.left, self._open = times, os.open

        def opening(name: object, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if name == what and dir_fd is not None and self.left:
                self.left -= 1
                act()
            return self._open(name, flags, mode, dir_fd=dir_fd)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", opening)


def reading(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], times: int) -> None:
    """Does something whenever a piece of a file was read, so many times."""
    real, left = os.readv, [times]

    def readv(file: int, buffers: list[memoryview]) -> int:
        count = real(file, buffers)
        if count and left[0]:
            left[0] -= 1
            act()
        return count

    monkeypatch.setattr(os, "readv", readv)


def test_symlinks_are_stored_and_never_followed(files: FilesSite, tmp_path: Path) -> None:  # pitfall 8
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("root")
    (files.root / "way").symlink_to(outside)
    (files.root / "file").symlink_to(outside / "passwd")
    (files.root / "dangling").symlink_to("/nowhere")
    (files.root / "around").symlink_to(".")
    files.back_up()
    found = entries(files)
    assert {found[name].kind for name in (b"way", b"file", b"dangling", b"around")} == {"link"}
    assert not [path for path in found if b"passwd" in path]
    files.restore()
    assert (files.scratch / "restored/way").readlink() == outside


def test_a_folder_that_becomes_a_link_while_it_is_walked_leads_nowhere(
    files: FilesSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.yaml").write_text("not of the tree")

    def swap() -> None:
        (files.root / "conf").rename(tmp_path / "moved")
        (files.root / "conf").symlink_to(outside)

    Meanwhile(monkeypatch, b"conf", swap)
    files.back_up()
    found = entries(files)
    assert found[b"conf"].kind == "link" and b"conf/app.yaml" not in found


def test_a_folder_above_that_becomes_a_link_changes_nothing_below(
    files: FilesSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.yaml").write_text("not of the tree")

    def swap() -> None:
        (files.root / "conf").rename(tmp_path / "moved")
        (files.root / "conf").symlink_to(outside)

    Meanwhile(monkeypatch, b"app.yaml", swap)  # conf is open by then
    files.back_up()
    files.restore()
    assert (files.scratch / "restored/conf/app.yaml").read_text() == "port: 8080\n"


def test_a_file_that_becomes_a_link_or_a_pipe_is_not_opened_and_is_told(
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.root / "conf/app.yaml"

    def swap() -> None:
        path.unlink()
        os.mkfifo(path)  # opening it would wait for a writer

    Meanwhile(monkeypatch, b"app.yaml", swap)
    made = files.back_up()
    assert made.manifest.withheld == (
        "it is not complete: changed while it was read, twice: conf/app.yaml (it is no file any more)"
    )
    assert not made.pointer_moved


def test_a_file_that_goes_away_is_no_fault(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    Meanwhile(monkeypatch, b"app.yaml", (files.root / "conf/app.yaml").unlink)
    made = files.back_up()
    assert made.manifest.remarks == ("1 files went away meanwhile",) and made.pointer_moved
    assert b"conf/app.yaml" not in entries(files)


def test_a_folder_that_goes_away_is_no_fault(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def remove() -> None:
        (files.root / "conf/app.yaml").unlink()
        (files.root / "conf").rmdir()

    Meanwhile(monkeypatch, b"conf", remove)
    made = files.back_up()
    assert made.pointer_moved and b"conf" not in entries(files)


def test_a_file_that_changes_while_read_is_read_once_more(  # pitfall 6
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.root / "conf/app.yaml"
    reading(monkeypatch, lambda: path.write_bytes(path.read_bytes() + b"more\n"), 1)
    made = files.back_up()
    assert made.manifest.withheld == "" and made.pointer_moved
    files.restore()
    assert tree(files.scratch / "restored") == tree(files.root)


def test_a_file_that_changes_while_read_twice_is_reported_and_the_run_is_not_complete(  # pitfall 6
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = aged(files).back_up()
    path = files.write("conf/app.yaml", b"port: 8081\n")
    with monkeypatch.context() as patch:
        reading(patch, lambda: path.write_bytes(path.read_bytes() + b"more\n"), 2)
        made = files.back_up()
    assert made.manifest.withheld == "it is not complete: changed while it was read, twice: conf/app.yaml"
    assert not made.pointer_moved and entries(files)[b"conf/app.yaml"].unsteady
    files.restore(into="newest")
    assert (files.scratch / "newest/conf/app.yaml").read_bytes() == b"port: 8080\n"
    assert files.plan_restore().passed_over == (
        f"{made.manifest.id} is used only when it is named: {made.manifest.withheld}",
    )
    files.check(made.manifest.id)  # what it holds can be restored all the same
    files.restore(made.manifest.id, into="named")
    assert files.plan_restore(into="other").copy.id == whole.manifest.id


def test_a_file_that_grows_as_fast_as_it_is_read_comes_to_an_end(
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write("log", b"line\n")
    reading(monkeypatch, lambda: path.write_bytes(path.read_bytes() + b"line\n"), 1000)
    made = files.back_up()
    assert made.manifest.withheld.endswith("log") and len(path.read_bytes()) < 100


def test_what_cannot_be_read_is_told_and_the_run_is_not_complete(
    files: FilesSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    Meanwhile(monkeypatch, b"app.yaml", refuse)
    made = files.back_up()
    assert made.manifest.withheld == "it is not complete: could not be read: conf/app.yaml (permission denied)"
    assert not made.pointer_moved


def test_a_tree_deeper_than_can_be_held_open_is_told(files: FilesSite) -> None:
    at = os.open(files.root, os.O_RDONLY)
    for _ in range(DEEPEST + 5):
        os.mkdir(b"d", dir_fd=at)
        inside = os.open(b"d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inside
    os.close(at)
    made = files.back_up()
    assert f"(deeper than {DEEPEST} folders)" in made.manifest.withheld and "d/d/d/" in made.manifest.withheld
    files.check(made.manifest.id)
    files.restore(made.manifest.id)


def test_what_the_plan_leaves_out_is_not_even_looked_at(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write("tmp/secret", b"-----BEGIN RSA PRIVATE KEY-----")
    files.write("conf/tmp/x", b"x")
    files.write("conf/old.bak", b"x")
    files.exclude = ("tmp", "*.bak")
    Meanwhile(monkeypatch, b"tmp", lambda: pytest.fail("opened"), times=9)
    files.back_up()
    assert sorted(entries(files)) == [b"", b"bin", b"bin/run", b"conf", b"conf/app.yaml", b"current", b"empty"]


def test_a_pattern_that_matches_nothing_is_told(files: FilesSite) -> None:  # the original's excluded nothing
    files.exclude = ("bin", "*.pyc", "var/cache")
    assert files.back_up().manifest.remarks == ("exclude matched nothing: *.pyc, var/cache",)


def test_a_root_that_cannot_be_listed_is_told(files: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(Failed, match="cannot be listed: Permission denied"):
        files.back_up()


@pytest.mark.parametrize("what", ["gone", "file"])
def test_a_source_that_is_no_folder_is_refused_before_anything_is_written(files: FilesSite, what: str) -> None:
    with pytest.raises(Refused, match="cannot be read as a folder"):
        files.back_up(DR_FILES_SOURCE=str(files.root / ("nowhere" if what == "gone" else "empty")))
    assert files.store.objects == {}


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"a: 1\nkey: |\n  -----BEGIN RSA PRIVATE KEY-----\n", 3, "a private key"),
        (b"\n" * 700_000 + b"AKIA" + b"B" * 16 + b"\n", 700_001, "an AWS access key"),
        (b"x" * (2**20 - 10) + b"\npostgresql://app:hunter2@db/shop\n", 2, "a password in an address"),  # over a chunk
        (b"ultramarket-test-secret-1", 1, "UltraMarket's test secret"),
    ],
    ids=["key", "late", "over a chunk's end", "test secret"],
)
def test_a_known_test_secret_makes_the_run_fail_naming_path_and_line(  # pitfall 10
    files: FilesSite, content: bytes, line: int, what: str
) -> None:
    files.write("conf/secret.yaml", content)
    with pytest.raises(Failed) as failed:
        files.back_up()
    assert failed.value.what == (
        f"there are secrets among the files, and a copy is locked for long: conf/secret.yaml:{line} looks like {what}"
    )
    assert files.store.objects == {}  # not even the pack that it would lie in
    for secret in ("BEGIN RSA", "AKIAB", "hunter2", "secret-1"):
        assert secret not in str(failed.value)


def test_every_file_with_a_secret_is_named_in_one_run(files: FilesSite) -> None:
    for number in range(9):
        files.write(f"conf/{number}", b"ultramarket-test-secret-%d" % number)
    with pytest.raises(Failed, match=r"conf/0:1 .*, conf/4:1 looks like UltraMarket's test secret and 4 more"):
        files.back_up()


def test_a_run_that_loses_more_than_half_of_the_files_does_not_move_latest(files: FilesSite) -> None:  # pitfall 7
    for number in range(20):
        files.write(f"many/{number}", b"x")
    whole = aged(files).back_up()
    for number in range(12):
        (files.root / f"many/{number}").unlink()
    made = files.back_up()
    assert made.manifest.withheld == (
        f"there are 11 files, in {whole.manifest.id} there were 23: when that is right, run it once more with "
        "--accept-fewer-files"
    )
    assert not made.pointer_moved
    assert files.plan_restore().copy.id == whole.manifest.id  # a deleted file stays in the copies before
    assert files.back_up().manifest.withheld  # nor does the next night's run move it by itself
    accepted = files.back_up(DR_ACCEPT_FEWER_FILES="yes")
    assert accepted.pointer_moved and files.back_up().pointer_moved
    assert manifest_of(files, accepted).remarks == ()


def test_the_loss_of_what_comes_last_is_seen_too(files: FilesSite) -> None:
    for number in range(20):
        files.write(f"z/{number}", b"x")
    aged(files).back_up()
    for number in range(20):
        (files.root / f"z/{number}").unlink()
    made = files.back_up()
    assert made.manifest.withheld.startswith("there are 3 files, in ") and not made.pointer_moved


def test_half_of_the_files_may_go(files: FilesSite) -> None:
    for number in range(17):
        files.write(f"many/{number}", b"x")
    aged(files).back_up()
    for number in range(10):
        (files.root / f"many/{number}").unlink()
    assert files.back_up().pointer_moved
