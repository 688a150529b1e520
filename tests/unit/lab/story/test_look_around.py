"""A kept lab's shell file and hints: only what the lab adds, and only what works."""

import subprocess
from pathlib import Path

import pytest

from lab.machine.engine import Engine
from lab.story import look_around


def test_the_shell_file_exports_what_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    text = look_around.shell_text({"PGPASSWORD": "it's $HOME", "LAB_RUN": "x"}, [Path("/a b"), Path("/c")])
    assert [line.partition("=")[0] for line in text.splitlines()] == [
        "export PGPASSWORD", "export LAB_RUN", "export PATH",
    ]  # fmt: skip
    file = tmp_path / "operator.env"
    file.write_text(text)
    shell = f'. {file}; printf "%s|%s" "$PGPASSWORD" "$PATH"'
    seen = subprocess.run(
        ["/bin/sh", "-c", shell], env={"PATH": "/bin", "HOME": "/h"}, capture_output=True, text=True, check=True
    )
    assert seen.stdout == "it's $HOME|/a b:/c:/bin"


def test_the_callers_variables_stay_out_of_the_shells_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MAKEFLAGS", "MAKELEVEL", "KEEP", "SHLVL", "PWD", "OLDPWD", "_", "HOME"):
        monkeypatch.setenv(name, " -- KEEP=1")
    engine = Engine(tmp_path / "project", tmp_path / "home", {"LAB_RUN": "x"}, tmp_path / "bin")
    settings = look_around.shell_settings({"PGUSER": "dr_promoter"}, engine, tmp_path / "kubeconfig")
    assert " -- KEEP=1" not in settings.values()
    assert {"PGUSER", "KUBECONFIG", "LAB_RUN", "PULUMI_BACKEND_URL", "PYTHONPATH"} <= settings.keys()
    assert "PATH" not in settings


def test_comments_stand_in_one_column() -> None:
    lines = look_around.aligned([("dr status", "first"), ("psql -h somewhere", "second")])
    assert lines[0].index("#") == lines[1].index("#")
    assert lines[0].endswith("# first")


def test_a_program_that_is_not_there_is_marked() -> None:
    ways = [("dig @127.0.0.1 name", "the public name"), ("psql -h x", "the database")]
    marked = look_around.with_missing(ways, lambda program: None if program == "dig" else f"/usr/bin/{program}")
    assert marked == [("dig @127.0.0.1 name", "the public name (dig is not installed here)"), ways[1]]
