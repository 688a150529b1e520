"""The set-up from nothing, with a Go that only pretends: what is kept, what is thrown away, who waits for whom."""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.setup import binaries, cache, go
from tools.setup.children import Children, Stopped
from tools.setup.failure import SetupError
from tools.setup.progress import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
# Writes a line for each build into $FAKE_LOG; hangs at the module named by $FAKE_HANG; fails at that of $FAKE_FAIL.
FAKE_GO = """#!/bin/sh
module=${PWD##*/}
case "$1 $2" in
"version "*) echo "go version go${FAKE_VERSION:-1.26.8} linux/amd64" ;;
"list -m") echo "$FAKE_SDK" ;;
"list "*) : ;;
"build "*)
    echo "$module" >> "$FAKE_LOG"
    : > "$GOMODCACHE/source"
    [ "$FAKE_HANG" = "$module" ] && exec /bin/sleep 300
    [ "$FAKE_FAIL" = "$module" ] && { echo "undefined: something"; exit 1; }
    while [ "$1" != -o ]; do shift; done
    case "$2" in
    */) for package in "$@"; do case "$package" in k8s*) echo built > "$2${package##*/}" ;; esac; done ;;
    *) echo built > "$2" ;;
    esac ;;
esac
"""
# What another set-up does, in a process of its own.
ENSURE = """
import sys
from pathlib import Path
from tools.setup import binaries, cache
from tools.setup.children import Children
from tools.setup.progress import Progress
cache.BUILD_SPACE = cache.CACHE_SPACE = 0
print(binaries.Build(Children(), Progress(), lambda: Path("/nowhere")).ensure(Path(sys.argv[1])))
"""
# The whole set-up, but the environments and HAProxy of this machine are left as they are.
ONLY_BUILDS = """
import sys
from tools.setup import __main__ as set_up, cache, haproxy, policy_pack, python_env
cache.BUILD_SPACE = cache.CACHE_SPACE = 0
set_up.RECORD = set_up.RECORD.with_name("nothing-here.json")
python_env.sync = python_env.get_uv = haproxy.ensure = policy_pack.ensure = lambda *_: None
sys.exit(set_up.main(["lab"]))
"""

started: list[subprocess.Popen[str]] = []  # ended with the test, however that ends


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose PATH has the pretended Go and nothing else; the log tells which modules it built."""
    programs, sdk = tmp_path / "programs", tmp_path / "sdk"
    executable(programs / "go", FAKE_GO)
    executable(sdk / "python" / "cmd" / go.LANGUAGE_EXEC, "#!/usr/bin/env python\n")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_SDK", str(sdk))
    for name in ("FAKE_HANG", "FAKE_FAIL", "FAKE_VERSION", "TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(go, "INSTALLED_GO", str(tmp_path / "no-go"))
    monkeypatch.setattr(cache, "BUILD_SPACE", 0)
    monkeypatch.setattr(cache, "CACHE_SPACE", 0)
    yield tmp_path / "log"
    for process in started:
        process.kill()
        process.communicate()
    started.clear()


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def no_packaged_go() -> Path:
    raise AssertionError("Go was asked for although the machine has one")


def ensure(root: Path, packaged_go: Callable[[], Path] = no_packaged_go, children: Children | None = None) -> Path:
    return binaries.Build(children or Children(), Progress(io.StringIO()), packaged_go).ensure(root)


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A set-up in a process of its own, told to ignore interrupts as a shell tells what it starts in the background."""
    process = subprocess.Popen(
        [sys.executable, "-c", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    started.append(process)
    return process


def another_set_up(root: Path, **environment: str) -> subprocess.Popen[str]:
    return start(ENSURE, str(root), **environment)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited 30 s in vain"
        time.sleep(0.01)


def built(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_set_up_builds_all_binaries_and_keeps_neither_sources_nor_object_files(log: Path, tmp_path: Path) -> None:
    folder = ensure(tmp_path / "cache")
    expected = {"etcd", "kube-apiserver", "kube-controller-manager", *go.PULUMI_BINARIES}
    assert {path.name for path in folder.iterdir()} == expected
    assert all(os.access(path, os.X_OK) for path in folder.iterdir())
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [folder.name, "build.lock"]


def test_second_set_up_builds_nothing(log: Path, tmp_path: Path) -> None:
    first = ensure(tmp_path / "cache")
    log.unlink()
    assert ensure(tmp_path / "cache") == first
    assert built(log) == []


@pytest.mark.parametrize("name", ["go.sum", "go.mod"])
def test_key_changes_with_the_pinned_modules(name: str, tmp_path: Path) -> None:
    modules = [go.ETCD, go.PULUMI]
    shutil.copytree(CHECKOUT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("setup"))
    before = binaries.key_of(modules, None, tmp_path / "tools")
    assert before == binaries.key_of(modules, None)
    pins = tmp_path / "tools" / "etcd" / name
    pins.write_text(pins.read_text() + "\n")
    assert binaries.key_of(modules, None, tmp_path / "tools") != before


def test_key_changes_with_the_flags_and_the_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    before = binaries.key_of([go.ETCD], None)
    with monkeypatch.context() as change:
        change.setattr(go, "COMMON_FLAGS", ("-trimpath",))
        assert binaries.key_of([go.ETCD], None) != before
    monkeypatch.setattr("platform.machine", lambda: "another")
    assert binaries.key_of([go.ETCD], None) != before


def test_killed_build_is_not_taken_for_done_and_the_next_goes_on_from_there(log: Path, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    killed = another_set_up(root, FAKE_HANG="kubernetes")
    until(lambda: built(log) == ["etcd", "kubernetes"])
    killed.kill()
    killed.communicate()
    assert [path.suffix for path in root.glob("bin-*")] == [".partial"]
    assert (root / "work" / "modules" / "source").exists()

    folder = ensure(root)
    assert built(log) == ["etcd", "kubernetes", "kubernetes", "pulumi", "language"]
    assert list(root.glob("bin-*")) == [folder]
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
    assert [path.suffix for path in root.glob("bin-*")] == [".partial"]


def test_failed_build_shows_the_compilers_last_words(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAIL", "etcd")
    with pytest.raises(SetupError, match=r"(?s)building etcd failed.*undefined: something"):
        ensure(tmp_path / "cache")


def test_folder_that_lost_a_binary_is_built_again(log: Path, tmp_path: Path) -> None:
    folder = ensure(tmp_path / "cache")
    (folder / "etcd").unlink()
    assert ensure(tmp_path / "cache") == folder
    assert (folder / "etcd").exists()


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


def pulumi_says(version: str, folder: Path) -> None:
    executable(folder / "pulumi", f"#!/bin/sh\necho {version}\n")
    executable(folder / "pulumi-language-python", "#!/bin/sh\n")
    executable(folder / go.LANGUAGE_EXEC, "#!/bin/sh\n")


def test_fitting_pulumi_on_path_is_used_instead_of_a_build(log: Path, tmp_path: Path) -> None:
    pulumi_says(f"v{go.PULUMI_VERSION}", tmp_path / "programs")
    folder = ensure(tmp_path / "cache")
    assert built(log) == ["etcd", "kubernetes"]
    assert (folder / "pulumi").resolve() == tmp_path / "programs" / "pulumi"


def test_pulumi_of_another_version_or_without_its_language_host_is_not_used(log: Path, tmp_path: Path) -> None:
    pulumi_says("v3.1.0", tmp_path / "programs")
    assert binaries.fitting_pulumi() is None
    pulumi_says(f"v{go.PULUMI_VERSION}", tmp_path / "programs")
    (tmp_path / "programs" / "pulumi-language-python").unlink()
    assert binaries.fitting_pulumi() is None


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
