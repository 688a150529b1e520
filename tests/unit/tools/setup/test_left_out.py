"""What is left out of the Go programs, and the versions that their modules share."""

import re
from pathlib import Path

import pytest

from tests.support.plans import ROOT
from tests.support.set_up import built, ensure
from tools.setup import go, left_out
from tools.setup.failure import SetupError

PINS = re.compile(r"^(?:require |\t)(\S+) (v\S+)", re.MULTILINE)


def test_each_stub_was_written_for_the_pinned_version() -> None:
    for module in go.MODULES:
        left_out.check(module.left_out, go.go_mod(module))


def test_every_stub_takes_the_place_of_something() -> None:
    named = {part.stub for module in go.MODULES for part in module.left_out if part.stub}
    assert {path.name for path in left_out.STUBS.iterdir()} == named


def test_a_set_up_refuses_a_version_that_no_stub_was_written_for(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = (ROOT / "tools/pulumi/go.mod").read_text().replace("/service/s3 v1.106.0", "/service/s3 v1.107.0")
    (tmp_path / "tools/pulumi").mkdir(parents=True)
    (tmp_path / "tools/pulumi/go.mod").write_text(pins)
    with pytest.raises(SetupError, match=r"(?s)pins .*/service/s3 v1\.107\.0; .* was written for v1\.106\.0.*mend"):
        left_out.check(go.PULUMI.left_out, tmp_path / "tools/pulumi/go.mod")
    monkeypatch.setattr(left_out, "pinned", lambda *_: "v9.9.9")
    with pytest.raises(SetupError, match=r"v9\.9\.9"):
        ensure(tmp_path / "cache")
    assert built(log) == []


def test_the_replacements_version_is_the_pinned_one() -> None:
    text = "module m\n\nrequire a.example/x v1.0.0\n\nrequire (\n\tb.example/y v1.2.3 // indirect\n)\n\nreplace (\n"
    assert left_out.pinned(text, "a.example/x") == "v1.0.0"
    assert left_out.pinned(text, "b.example/y") == "v1.2.3"
    assert left_out.pinned(text + "\tb.example/y => b.example/y v2.0.0\n)\n", "b.example/y") == "v2.0.0"
    assert left_out.pinned(text, "b.example") is None


def test_stubs_take_the_place_of_what_they_replace_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "fetched" / "sub"
    folder.mkdir(parents=True)
    for name in ("driver_one.go", "driver_two.go", "kept.go"):
        (folder / name).write_text("package released\n")
    part = left_out.LeftOut("a.example/x", "v1.0.0", "sub", ("driver_*.go",), "s3.go")
    left_out.leave_out([part], {"a.example/x": tmp_path / "fetched"})
    assert sorted(path.name for path in folder.iterdir()) == ["kept.go", "s3.go"]
    assert (folder / "s3.go").read_text() == (left_out.STUBS / "s3.go").read_text()


def test_a_file_that_is_to_be_left_out_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    part = left_out.LeftOut("a.example/x", "v1.0.0", ".", ("driver.go",))
    with pytest.raises(SetupError, match=r"no driver\.go in \. of a\.example/x; mend tools/setup/left_out\.py"):
        left_out.leave_out([part], {"a.example/x": tmp_path})


def test_modules_that_share_a_dependency_share_its_version() -> None:
    # What two of them need at two versions is compiled twice.
    versions: dict[str, dict[str, str]] = {}
    for module in go.MODULES:
        for path, version in PINS.findall(go.go_mod(module).read_text()):
            versions.setdefault(path, {})[module.folder] = version
    assert len(versions) > 200
    apart = {path: pins for path, pins in versions.items() if len(set(pins.values())) > 1}
    # The language host is the last one that was released as a Go module.
    assert list(apart) == ["github.com/pulumi/pulumi/sdk/v3"]
