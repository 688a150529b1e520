"""The set-up from nothing, with a Go that only pretends: what is kept, what is thrown away, who waits for whom."""

import io
import os
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.plans import ROOT
from tests.support.set_up import (
    FAKE_GO,
    another_set_up,
    built,
    ensure,
    entries,
    executable,
    no_packaged_go,
    start,
    until,
)
from tools.setup import binaries, cache, go, left_out
from tools.setup.children import Children, Stopped
from tools.setup.failure import SetupError
from tools.setup.progress import Progress

# The whole set-up, but the environments, HAProxy and PostgreSQL of this machine are left as they are.
ONLY_BUILDS = """
import sys
from tools.setup import __main__ as set_up, cache, haproxy, policy_pack, postgres, python_env
cache.BUILD_SPACE = cache.CACHE_SPACE = 0
set_up.RECORD = set_up.RECORD.with_name("nothing-here.json")
python_env.sync = python_env.get_uv = haproxy.ensure = policy_pack.ensure = postgres.ensure = lambda *_: None
sys.exit(set_up.main(["lab"]))
"""


def test_set_up_builds_all_binaries_and_keeps_neither_sources_nor_object_files(log: Path, tmp_path: Path) -> None:
    programs = ensure(tmp_path / "cache")
    assert set(programs) == {"etcd", "kube-apiserver", "kube-controller-manager", *go.PULUMI_BINARIES}
    assert all(os.access(path, os.X_OK) and path.name == name for name, path in programs.items())
    folders = {path.parent.name for path in programs.values()}
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted([*folders, "build.lock"])
    assert entries(tmp_path / "cache") == ["etcd", "kubernetes", "language", "pulumi"]


def test_the_language_host_finds_its_script_beside_itself(log: Path, tmp_path: Path) -> None:
    programs = ensure(tmp_path / "cache")
    beside = programs["pulumi-language-python"].resolve().with_name(go.LANGUAGE_EXEC)
    assert beside.read_bytes() == programs[go.LANGUAGE_EXEC].read_bytes() and os.access(beside, os.X_OK)


def test_second_set_up_builds_nothing(log: Path, tmp_path: Path) -> None:
    first = ensure(tmp_path / "cache")
    log.unlink()
    assert ensure(tmp_path / "cache") == first
    assert built(log) == []


@pytest.mark.parametrize("name", ["go.sum", "go.mod"])
def test_key_changes_with_the_pinned_modules(name: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("setup"))
    before = binaries.key_of(go.ETCD, tmp_path / "tools")
    assert before == binaries.key_of(go.ETCD)
    pins = tmp_path / "tools" / "etcd" / name
    pins.write_text(pins.read_text() + "\n")
    assert binaries.key_of(go.ETCD, tmp_path / "tools") != before


def test_key_changes_with_the_flags_and_the_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    before = binaries.key_of(go.ETCD)
    with monkeypatch.context() as change:
        change.setattr(go, "COMMON_FLAGS", ("-trimpath",))
        assert binaries.key_of(go.ETCD) != before
    monkeypatch.setattr("platform.machine", lambda: "another")
    assert binaries.key_of(go.ETCD) != before


def test_key_changes_with_what_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(left_out.STUBS, tmp_path / "stubs")
    monkeypatch.setattr(left_out, "STUBS", tmp_path / "stubs")
    without_a_stub = replace(go.KUBERNETES, left_out=go.KUBERNETES.left_out[:1])
    assert binaries.key_of(without_a_stub) != binaries.key_of(go.KUBERNETES)
    before = binaries.key_of(go.PULUMI)
    (tmp_path / "stubs" / "s3.go").write_text("package s3\n")
    assert binaries.key_of(go.PULUMI) != before


def test_a_changed_flag_of_one_module_builds_that_one_and_no_other(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ensure(tmp_path / "cache")
    log.unlink()
    changed = tuple(replace(module, ldflags="-s") if module is go.LANGUAGE else module for module in go.MODULES)
    monkeypatch.setattr(go, "MODULES", changed)
    second = ensure(tmp_path / "cache")
    assert built(log) == ["language"]
    assert [name for name in first if first[name] != second[name]] == ["pulumi-language-python"]


def test_killed_build_is_not_taken_for_done_and_the_next_goes_on_from_there(log: Path, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    killed = another_set_up(root, FAKE_HANG="kubernetes")
    until(lambda: built(log) == ["etcd", "kubernetes"])
    killed.kill()
    killed.communicate()
    assert entries(root) == ["etcd"]
    assert (root / "work" / "modules" / "source").exists()

    ensure(root)
    assert built(log) == ["etcd", "kubernetes", "kubernetes", "pulumi", "language"]
    assert entries(root) == ["etcd", "kubernetes", "language", "pulumi"]
    assert not (root / "work").exists()


def test_go_dies_with_a_killed_set_up(log: Path, tmp_path: Path) -> None:
    killed = another_set_up(tmp_path / "cache", FAKE_HANG="etcd")
    until(lambda: built(log) == ["etcd"])
    compilers = Path(f"/proc/{killed.pid}/task")
    pids = [pid for task in compilers.iterdir() for pid in (task / "children").read_text().split()]
    killed.kill()
    killed.communicate()
    assert pids
    until(lambda: not any(alive(pid) for pid in pids))


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_parallel_set_ups_wait_for_each_other_and_build_once(log: Path, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    both = [another_set_up(root), another_set_up(root)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert sorted(built(log)) == ["etcd", "kubernetes", "language", "pulumi"]


def test_waiting_set_up_says_so_and_can_be_interrupted(log: Path, tmp_path: Path) -> None:
    root, children, out = tmp_path / "cache", Children(), io.StringIO()
    another_set_up(root, FAKE_HANG="etcd")
    until(lambda: built(log) == ["etcd"])
    outcome: list[BaseException] = []

    def wait() -> None:
        try:
            binaries.Build(children, Progress(out), no_packaged_go).ensure(root)
        except Stopped as stopped:
            outcome.append(stopped)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: "waiting for another set-up" in out.getvalue())
    children.end_all()
    waiting.join(30)
    assert len(outcome) == 1
    assert built(log) == ["etcd"]


def test_interrupted_build_ends_its_processes_and_removes_its_sources(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_HANG", "kubernetes")
    root, children = tmp_path / "cache", Children()

    def interrupt() -> None:
        until(lambda: "kubernetes" in built(log))
        children.end_all()

    threading.Thread(target=interrupt).start()
    with pytest.raises(Stopped):
        ensure(root, children=children)
    assert not (root / "work").exists()
    assert entries(root) == ["etcd"]


def test_failed_build_shows_the_compilers_last_words(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAIL", "etcd")
    with pytest.raises(SetupError, match=r"(?s)building etcd failed.*undefined: something"):
        ensure(tmp_path / "cache")


def test_folder_that_lost_a_binary_is_built_again(log: Path, tmp_path: Path) -> None:
    programs = ensure(tmp_path / "cache")
    programs["etcd"].unlink()
    assert ensure(tmp_path / "cache") == programs
    assert programs["etcd"].exists()


@pytest.mark.parametrize("version", ["1.25.9", "1.9"])
def test_go_that_is_too_old_is_replaced_by_the_packaged_one(
    version: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VERSION", version)
    asked: list[bool] = []
    ensure(tmp_path / "cache", lambda: (asked.append(True), tmp_path / "programs" / "go")[1])
    assert asked == [True]


def test_machine_without_go_gets_the_packaged_one(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = executable(tmp_path / "packaged" / "go", FAKE_GO)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    ensure(tmp_path / "cache", lambda: packaged)
    assert len(built(log)) == 4


def test_too_little_space_is_said_before_anything_is_fetched(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "BUILD_SPACE", 1 << 60)
    with pytest.raises(SetupError, match=r"GB are free.*\n.*TMPDIR"):
        ensure(tmp_path / "cache")
    assert built(log) == []


def test_sources_lie_in_tmpdir_when_the_user_names_one(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "roomy"))
    assert cache.work_folder(tmp_path / "cache").parent == tmp_path / "roomy"
    ensure(tmp_path / "cache")
    assert list((tmp_path / "roomy").iterdir()) == []


def test_interrupted_set_up_ends_with_the_documented_code(log: Path, tmp_path: Path) -> None:
    process = start(ONLY_BUILDS, FAKE_HANG="etcd", XDG_CACHE_HOME=str(tmp_path / "cache"))
    until(lambda: built(log) == ["etcd"])
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert not list((tmp_path / "cache").rglob("work"))
