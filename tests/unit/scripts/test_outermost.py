"""The outermost edge of `dr`, from outside: whatever happens, no traceback, and an exit code that says what it was."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import DR, dr, environment, fault
from tests.support.plans import ROOT, edited

PLAN = """
import os, signal, sys
import scripts.plan
from scripts.dr import main

def work(plan):
    {}

scripts.plan.load_plan = work
main(["plan", *sys.argv[1:]])
"""
CTRL_C = "os.kill(os.getpid(), signal.SIGINT)"


def plan_that(work: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`dr plan` whose work is `work`."""
    return subprocess.run(
        [sys.executable, "-c", PLAN.format(work), *arguments],
        cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "module", ["scripts.outermost", "recovery.errors", "typer", "rich.console", "pydantic", "yaml"]
)
def test_ctrl_c_while_modules_load_ends_with_130_and_no_word(module: str, tmp_path: Path) -> None:
    done = dr("plan", PYTHONPATH=fault(tmp_path, at=module, code=CTRL_C))
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_while_a_command_runs_ends_it_in_order(name: str, code: int) -> None:
    done = plan_that(f"try: os.kill(os.getpid(), signal.{name})\n    finally: print('cleaned up', flush=True)")
    assert (done.returncode, done.stdout) == (code, b"cleaned up\n")
    assert done.stderr == (b"" if name == "SIGINT" else f"dr: ended by {name}\n".encode())


def test_a_package_beside_ours_cannot_hook_itself_in_by_pydantic(tmp_path: Path) -> None:
    package = tmp_path / "meddler-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: meddler\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[pydantic]\nmeddler = nowhere:plugin\n")
    done = dr("plan", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_signal_that_was_ignored_from_the_start_stays_ignored(tmp_path: Path) -> None:
    path = fault(tmp_path, at="yaml", code="os.kill(os.getpid(), signal.SIGHUP)")
    done = subprocess.run(
        ["bash", "-c", f"trap '' HUP; exec {DR} plan"],
        cwd=ROOT, env=environment(PYTHONPATH=path), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_that_nobody_foresaw_is_told_without_its_text_and_without_a_traceback(tmp_path: Path) -> None:
    path = fault(tmp_path, at="yaml", code="raise LookupError('password=hunter2')")
    done = dr("plan", PYTHONPATH=path)
    assert done.returncode == 1
    first, second = done.stderr.decode().splitlines()
    assert first.startswith("dr: this is a defect of dr: LookupError at recovery/plan/strict_yaml.py line ")
    assert second.startswith("Next: run it again with DR_DEBUG=1")
    shown = dr("plan", PYTHONPATH=path, DR_DEBUG="1")
    assert shown.returncode == 1 and b"Traceback (most recent call last)" in shown.stderr


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("check", "wall"), ("check", "account")])
@pytest.mark.parametrize("error", ["LookupError('x')", "OSError('x')"])
def test_a_monitor_that_a_defect_ends_has_found_nothing_out(words: tuple[str, ...], error: str, tmp_path: Path) -> None:
    done = dr(*words, PYTHONPATH=fault(tmp_path, at="yaml", code=f"raise {error}"))
    assert (done.returncode, b"this is a defect of dr" in done.stderr) == (3, True), done.stderr


def test_a_monitor_whose_plan_is_wrong_or_whose_output_nobody_takes_has_found_nothing_out(tmp_path: Path) -> None:
    assert dr("check", "destroy", "--plan", str(tmp_path / "none")).returncode == 3
    full = subprocess.run(
        ["bash", "-c", f"{DR} status --bundle {tmp_path} > /dev/full"],
        cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (full.returncode, b"cannot write: No space left" in full.stderr) == (3, True), full.stderr


@pytest.mark.parametrize("number", ["EEXIST", "ENOTDIR", "EROFS", "ENOSPC", "EACCES"])
def test_a_path_that_does_not_work_is_named_with_its_option(number: str) -> None:
    # Whatever of a command's work meets it, at the path itself or below.
    done = plan_that(f"import errno; raise OSError(errno.{number}, 'No way', '/x/y/z')", "--plan", "/x/y")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"dr: --plan /x/y/z: No way\nNext: name another place with --plan\n"


def test_an_operating_system_s_error_about_another_path_names_the_path(tmp_path: Path) -> None:
    path = fault(tmp_path, at="yaml", code="raise PermissionError(13, 'Permission denied', '/x/y')")
    done = dr("plan", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("dr: /x/y: Permission denied\nNext: ")


@pytest.mark.parametrize("more", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}])
def test_an_ascii_terminal_gets_letters_that_it_can_show(more: dict[str, str], tmp_path: Path) -> None:
    uzbek = "o\u02bbchirilgan ma\u02bclumot g\u02bboyib \u2192 \u2026 \u040e"
    text = edited(("releases are deployed again", f'"{uzbek}"  #'))
    plan = tmp_path / "plan.yaml"
    plan.write_text(text, encoding="utf-8")
    done = dr("plan", "--plan", str(plan), PYTHONUTF8="0", **more)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"o'chirilgan ma'lumot g'oyib -> ... \\u040e" in done.stdout


def test_a_usage_error_with_bytes_that_are_no_text_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(DR).encode(), b"plan", b"--plan", b"/nowhere/\xff\xfe"],
        cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr and b"/nowhere/" in done.stderr


@pytest.mark.parametrize("where", ["2>&-", ">&- 2>&-", "2>/dev/full"])
def test_errors_that_nobody_can_read_still_end_with_their_exit_code(where: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{DR} plan --plan /nowhere {where}"],
        cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_no_escape_code(more: dict[str, str]) -> None:
    done = subprocess.run(
        ["script", "-qec", f"{DR} plan", "/dev/null"],
        cwd=ROOT, env=environment(**{"TERM": "xterm-256color", **more}), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and b"Objectives" in done.stdout
    assert b"\x1b" not in done.stdout


def test_no_line_ends_in_blanks_in_a_pipe() -> None:
    done = dr("plan", "--terms")
    assert done.returncode == 0
    assert [line for line in done.stdout.decode().splitlines() if line != line.rstrip()] == []
