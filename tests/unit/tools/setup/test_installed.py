"""Programs that the machine has already: which are used, and what is built beside them."""

import io
from pathlib import Path

import pytest

from tests.support.set_up import built, ensure, executable
from tools.setup import __main__ as set_up
from tools.setup import go, installed
from tools.setup.progress import Progress


def pulumi_says(version: str, folder: Path) -> None:
    executable(folder / "pulumi", f"#!/bin/sh\necho {version}\n")
    executable(folder / "pulumi-language-python", "#!/bin/sh\n")
    executable(folder / go.LANGUAGE_EXEC, "#!/bin/sh\n")


def test_fitting_pulumi_on_path_is_used_instead_of_a_build(log: Path, tmp_path: Path) -> None:
    pulumi_says(f"v{go.PULUMI_VERSION}", tmp_path / "programs")
    programs = ensure(tmp_path / "cache")
    assert built(log) == ["etcd", "kubernetes"]
    assert programs["pulumi"].resolve() == tmp_path / "programs" / "pulumi"


def test_pulumi_of_another_version_or_without_its_language_host_is_not_used(log: Path, tmp_path: Path) -> None:
    pulumi = tmp_path / "programs" / "pulumi"
    pulumi_says("v3.1.0", pulumi.parent)
    assert installed.misfit("pulumi", pulumi) == f"it is v3.1.0, and the lab runs v{go.PULUMI_VERSION}"
    pulumi_says(f"v{go.PULUMI_VERSION}", pulumi.parent)
    assert installed.misfit("pulumi", pulumi) is None
    (pulumi.parent / "pulumi-language-python").unlink()
    assert "not all of pulumi, " in (installed.misfit("pulumi", pulumi) or "")
    assert installed.find(Progress(io.StringIO())) == {}


def kubebuilder_assets(folder: Path, monkeypatch: pytest.MonkeyPatch, *, etcd: str, kubernetes: str) -> Path:
    """What `setup-envtest use` puts in place; there is no controller manager among it."""
    executable(folder / "etcd", f"#!/bin/sh\necho etcd Version: {etcd}\necho Go Version: go1.25.1\n")
    executable(folder / "kube-apiserver", f"#!/bin/sh\necho Kubernetes v{kubernetes}\n")
    executable(folder / "kubectl", "#!/bin/sh\n")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    return folder


def test_fitting_kubebuilder_assets_are_used_and_only_the_controller_manager_is_built(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = kubebuilder_assets(tmp_path / "assets", monkeypatch, etcd="3.6.0", kubernetes="1.36.2")
    executable(tmp_path / "programs" / "etcd", "#!/bin/sh\necho etcd Version: 3.6.8\n")
    programs = ensure(tmp_path / "cache")
    assert programs["etcd"] == assets / "etcd"
    assert programs["kube-apiserver"] == assets / "kube-apiserver"
    assert built(log) == ["kubernetes", "pulumi", "language"]
    assert [path.name for path in programs["kube-controller-manager"].parent.iterdir()] == ["kube-controller-manager"]


def test_a_control_plane_on_path_is_used_whole(log: Path, tmp_path: Path) -> None:
    executable(tmp_path / "programs" / "etcd", "#!/bin/sh\necho etcd Version: 3.6.8\n")
    for name in ("kube-apiserver", "kube-controller-manager"):
        executable(tmp_path / "programs" / name, "#!/bin/sh\necho Kubernetes v1.36.0+k3s1\n")
    assert ensure(tmp_path / "cache")["kube-controller-manager"] == tmp_path / "programs/kube-controller-manager"
    assert built(log) == ["pulumi", "language"]


def test_a_control_plane_of_another_series_is_not_used_and_the_set_up_says_why(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = kubebuilder_assets(tmp_path / "assets", monkeypatch, etcd="3.5.21", kubernetes="1.37.0")
    executable(tmp_path / "programs" / "kube-controller-manager", "#!/bin/sh\nexit 1\n")
    out = io.StringIO()
    ensure(tmp_path / "cache", out=out)
    assert built(log) == ["etcd", "kubernetes", "pulumi", "language"]
    said = [line.partition("] ")[2] for line in out.getvalue().splitlines() if "not using" in line]
    assert said == [
        f"not using {assets}/etcd: it is 3.5.21, and the lab runs v3.6",
        f"not using {assets}/kube-apiserver: it is v1.37.0, and the lab runs v1.36",
        f"not using {tmp_path}/programs/kube-controller-manager: `kube-controller-manager --version` says no version",
    ]


def test_a_linked_program_that_became_another_version_is_noticed(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubebuilder_assets(tmp_path / "assets", monkeypatch, etcd="3.6.8", kubernetes="1.36.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    set_up.link(ensure(tmp_path / "cache" / "ultramarket-dr" / "tools"), tmp_path / "links")
    assert {path.name for path in (tmp_path / "links").iterdir()} == set(set_up.binaries.NAMES)
    assert [path.name for path in (tmp_path / "links").iterdir() if set_up.is_outgrown(path)] == []
    kubebuilder_assets(tmp_path / "assets", monkeypatch, etcd="3.7.0", kubernetes="1.36.2")
    assert [path.name for path in (tmp_path / "links").iterdir() if set_up.is_outgrown(path)] == ["etcd"]


def test_links_are_to_the_programs_of_the_last_set_up_and_to_nothing_else(tmp_path: Path) -> None:
    old, new = executable(tmp_path / "old" / "etcd", ""), executable(tmp_path / "new" / "etcd", "")
    set_up.link({"etcd": old, "kubectl": old}, tmp_path / "links")
    set_up.link({"etcd": new}, tmp_path / "links")
    assert [(path.name, path.resolve()) for path in (tmp_path / "links").iterdir()] == [("etcd", new)]
