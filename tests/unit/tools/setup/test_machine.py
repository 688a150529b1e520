"""What the set-up finds on a machine, what it says when something is missing, and what it prints."""

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plans import ROOT
from tools.setup import __main__ as set_up
from tools.setup import cache, go, haproxy, policy_pack, postgres, python_env
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.progress import Progress, in_words

CHECKOUT = ROOT


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("named", ["", "relative/folder"])
def test_cache_lies_in_the_home_unless_xdg_says_otherwise(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    monkeypatch.setenv("HOME", "/somewhere")
    assert cache.cache_root() == Path("/somewhere/.cache/ultramarket-dr/tools")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache.cache_root() == Path("/elsewhere/ultramarket-dr/tools")


def test_build_environment_ignores_settings_that_would_change_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    made = go.environment(tmp_path)
    assert "GOOS" not in made
    assert "-mod=readonly" in made["GOFLAGS"]
    assert made["GOPROXY"] == "https://proxy.example"


def test_progress_has_a_line_for_the_start_and_the_end_and_no_colours_in_a_pipe() -> None:
    out = io.StringIO()
    with Progress(out).step("building etcd", 150):
        pass
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("building etcd …, usually 2 min 30 s on 2 cores")
    assert lines[1].endswith("building etcd: done in 0 s")
    assert "\x1b" not in out.getvalue()


def test_durations_are_words() -> None:
    assert [in_words(seconds) for seconds in (0.4, 59, 60, 150)] == ["0 s", "59 s", "1 min", "2 min 30 s"]


def test_python_that_is_too_old_is_refused_with_what_to_do(tmp_path: Path) -> None:
    executable(tmp_path / "python3", '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    command = ["/bin/sh", str(CHECKOUT / "tools" / "with-python"), "-m", "tools.setup"]
    run = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "No Python 3.11 or newer on PATH (python3 is: Python 3.9.2)" in run.stderr
    assert "make PYTHON=" in run.stderr


def test_machine_without_haproxy_and_without_apt_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(haproxy, "PLACES", ())
    with pytest.raises(SetupError, match=r"no haproxy on PATH.*no Debian or Ubuntu.*package manager"):
        haproxy.ensure(Children(), Progress(io.StringIO()), tmp_path / "cache")


def test_haproxy_that_does_not_start_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = executable(tmp_path / "haproxy", "#!/bin/sh\nexit 127\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(haproxy, "PLACES", ())
    assert haproxy.on_this_machine() is None
    executable(broken, "#!/bin/sh\n")
    assert haproxy.on_this_machine() == broken


def test_unpacked_haproxy_keeps_its_process_and_finds_its_libraries(tmp_path: Path) -> None:
    root = tmp_path / "it's here"
    executable(root / "usr/sbin/haproxy", '#!/bin/sh\necho "$$ $LD_LIBRARY_PATH $*"\n')
    executable(root / "usr/lib/machine/liblua.so.0", "")
    script = executable(tmp_path / "haproxy", haproxy.wrapper(root, root))
    process = subprocess.Popen([script, "-f", "gate.cfg"], stdout=subprocess.PIPE, text=True, env={})
    said, _ = process.communicate(timeout=30)
    assert said == f"{process.pid} {root}/usr/lib/machine -f gate.cfg\n"


def test_the_oldest_installed_postgresql_that_starts_is_used(tmp_path: Path) -> None:
    programs = ("postgres", "initdb", "pg_basebackup", "pg_verifybackup", "pg_waldump", "pg_controldata")
    for major, ends in ((14, 0), (15, 127), (16, 0), (17, 0)):
        for name in programs:
            executable(tmp_path / f"usr/lib/postgresql/{major}/bin/{name}", f"#!/bin/sh\nexit {ends}\n")
    assert postgres.on_this_machine(tmp_path) == tmp_path / "usr/lib/postgresql/16/bin"
    assert postgres.on_this_machine(tmp_path / "nowhere") is None


@pytest.mark.parametrize("offered", ["postgresql-17", "nothing"])
def test_an_older_postgresql_is_unpacked_from_debian_or_done_without(
    offered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deb = f'mkdir -p "$3" && cp -r "{tmp_path}/package/." "$3"'
    fetch = (
        f'case "$*" in *update|*{offered}) mkdir -p "${{archives}}" && touch "${{archives}}/x.deb" ;; *) exit 100; esac'
    )
    find = 'for word in "$@"; do case $word in -oDir::Cache::Archives=*) archives=${word#*=} ;; esac; done'
    executable(tmp_path / "programs/apt-get", f"#!/bin/sh\n{find}\n{fetch}\n")
    executable(tmp_path / "programs/dpkg-deb", f"#!/bin/sh\n{deb}\n")
    for name in ("postgres", "initdb", "pg_basebackup", "pg_verifybackup", "pg_waldump", "pg_controldata"):
        executable(tmp_path / f"package/usr/lib/postgresql/17/bin/{name}", '#!/bin/sh\necho "$0 $LD_LIBRARY_PATH"\n')
    executable(tmp_path / "package/usr/lib/machine/libpq.so.5", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:/usr/bin:/bin")
    monkeypatch.setattr(postgres, "on_this_machine", lambda: None)
    out, cached = io.StringIO(), tmp_path / "it's the cache"
    cached.mkdir()
    found = postgres.ensure(Children(), Progress(out), cached)
    if offered == "nothing":
        assert found is None and "its tests are skipped" in out.getvalue()
        assert [path.name for path in cached.iterdir() if path.is_dir()] == []
        return
    assert found == cached / "postgresql/bin"
    moved = (cached / "postgresql").rename(tmp_path / "moved")
    said = subprocess.check_output([moved / "bin/initdb"], text=True, env={"PATH": "/usr/bin:/bin"})
    at = f"{moved}/bin/../root/usr/lib"
    assert said == f"{at}/postgresql/17/bin/initdb {at}/machine\n"


def test_python_without_venv_and_pip_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(SetupError, match=rf"neither ensurepip nor pip(?s:.*)python{version}-venv"):
        python_env.get_uv(Children(), Progress(io.StringIO()), tmp_path / "cache")


def test_uv_that_does_not_run_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = executable(tmp_path / "uv", "#!/bin/sh\nexit 127\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python_env.find_uv() is None
    executable(shim, "#!/bin/sh\n")
    assert python_env.find_uv() == shim


def test_uv_that_is_not_on_path_lies_beside_the_environments_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = executable(tmp_path / "cache" / "uv", "#!/bin/sh\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    beside = tmp_path / ".venv" / "bin" / "uv"
    monkeypatch.setenv("PATH", "/nowhere")
    for _ in range(2):
        python_env.sync(Children(), Progress(io.StringIO()), uv, tmp_path)
        assert beside.resolve() == uv
    executable(tmp_path / "path" / "uv", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    python_env.sync(Children(), Progress(io.StringIO()), uv, tmp_path)
    assert not beside.is_symlink()


def test_uv_found_through_our_own_link_is_never_linked_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = executable(tmp_path / "cache" / "uv", "#!/bin/sh\n")
    beside = tmp_path / ".venv" / "bin" / "uv"
    beside.parent.mkdir(parents=True)
    beside.symlink_to(uv)
    monkeypatch.setenv("PATH", str(beside.parent))  # the environment is activated
    for _ in range(2):
        found = python_env.find_uv()
        assert found is not None and found == uv
        python_env.sync(Children(), Progress(io.StringIO()), found, tmp_path)


@pytest.mark.parametrize("reachable", [True, False])
def test_a_set_up_goes_on_without_the_policy_packs_packages_and_leaves_no_half(reachable: bool, tmp_path: Path) -> None:
    ends = "true" if reachable else "false"
    makes = f'[ "$1" = venv ] && mkdir -p "{tmp_path}/policy/pack/.venv" && exit'
    uv = executable(tmp_path / "uv", f"#!/bin/sh\n{makes}\necho no index; {ends}\n")
    out = io.StringIO()
    found = policy_pack.ensure(Children(), Progress(out), uv, tmp_path)
    assert found == (tmp_path / "policy/pack/.venv" if reachable else None)
    assert (tmp_path / "policy/pack/.venv").exists() is reachable
    assert ("its test is skipped: uv pip install failed" in out.getvalue()) is not reachable


def test_set_up_is_repeated_when_the_lock_file_changed_or_a_binary_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_up, "CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = cache.cache_root() / "built"
    executable(tmp_path / ".venv/bin/python", "")
    names = ("etcd", "kube-apiserver", "kube-controller-manager", *go.PULUMI_BINARIES)
    for name in names:
        executable(built / name, "")
    record = {"inputs": "now", "bin": str(built), "haproxy": str(built / "etcd")}
    assert set_up.is_done(record, "now", lab=True)
    assert not set_up.is_done(record, "later", lab=True)
    (built / "pulumi").unlink()
    assert not set_up.is_done(record, "now", lab=True)
    assert set_up.is_done(record, "now", lab=False)
    (tmp_path / ".venv/bin/python").unlink()
    assert not set_up.is_done(record, "now", lab=False)


def test_record_that_was_cut_off_counts_as_none(tmp_path: Path) -> None:
    assert set_up.read_record(tmp_path / "none.json") == {}
    (tmp_path / "cut.json").write_text(json.dumps({"bin": "/x"})[:-3])
    assert set_up.read_record(tmp_path / "cut.json") == {}


def test_unknown_words_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert set_up.main(["everything"]) == 64
    assert "usage:" in capsys.readouterr().err
