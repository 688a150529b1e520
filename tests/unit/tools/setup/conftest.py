"""The machine that the set-up's tests run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.set_up import FAKE_GO, executable, started
from tools.setup import binaries, cache, go


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose PATH has the pretended Go and nothing else; the log tells which modules it built."""
    programs, released = tmp_path / "programs", tmp_path / "released"
    executable(programs / "go", FAKE_GO)
    executable(released / binaries.SDK / "python" / "cmd" / go.LANGUAGE_EXEC, "#!/usr/bin/env python\n")
    for part in (part for module in go.MODULES for part in module.left_out):
        for pattern in part.drops:
            executable(released / part.module / part.package / pattern.replace("*", "any"), "package released\n")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_RELEASED", str(released))
    for name in ("FAKE_HANG", "FAKE_FAIL", "FAKE_VERSION", "KUBEBUILDER_ASSETS", "TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(go, "INSTALLED_GO", str(tmp_path / "no-go"))
    monkeypatch.setattr(cache, "BUILD_SPACE", 0)
    monkeypatch.setattr(cache, "CACHE_SPACE", 0)
    yield tmp_path / "log"
    for process in started:
        process.kill()
        process.communicate()
    started.clear()
