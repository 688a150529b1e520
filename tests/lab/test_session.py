"""A lab's life: one at a time, ended by a signal at any moment, kept on request, ended by lab-down."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.machine.processes import HUNG_SECONDS, wait_until
from tests.support.plans import ROOT

# A story that starts one process, writes its id, and then waits for ever or asks to be kept.
PROGRAM = """
import signal, sys
from pathlib import Path
from lab.machine import session
from lab.machine.processes import Supervisor
session.LAB = Path(sys.argv[1])
def story(keep):
    supervisor = Supervisor(session.LAB / "logs")
    try:
        child = supervisor.start("sleeper", ["sleep", "600"], env={"PATH": "/usr/bin:/bin"})
        (session.LAB / "pid").write_text(str(child.process.pid))
        if "keep" in sys.argv:
            keep()
        signal.pause()
    finally:
        supervisor.stop_all()
sys.exit(session.down() if "down" in sys.argv else session.run(story))
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), *words],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    session = start(tmp_path)
    wait_until(lambda: bool((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()), what="a start")
    yield session, int((tmp_path / "pid").read_text())
    session.kill()
    session.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_the_lab_had_started(
    running: tuple[subprocess.Popen[str], int], number: signal.Signals
) -> None:
    session, child = running
    session.send_signal(number)
    assert session.wait(HUNG_SECONDS) == 130
    assert not alive(child)


def test_a_lab_whose_command_is_killed_ends_too(running: tuple[subprocess.Popen[str], int]) -> None:
    session, child = running
    os.kill(session.pid, signal.SIGKILL)
    wait_until(lambda: not alive(child), what="the lab's processes to end")


def test_a_second_lab_says_so_and_exits(running: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    second = start(tmp_path)
    _, said = second.communicate(timeout=HUNG_SECONDS)
    assert second.returncode == 2
    assert "a lab is already running in this checkout (process" in said
    assert alive(running[1])


def test_a_kept_lab_lives_on_until_lab_down(tmp_path: Path) -> None:
    first = start(tmp_path, "keep")
    assert first.wait(HUNG_SECONDS) == 0
    first.communicate()
    child = int((tmp_path / "pid").read_text())
    assert alive(child)
    second = start(tmp_path)
    assert "end it with `make lab-down`" in second.communicate(timeout=HUNG_SECONDS)[1]
    down = start(tmp_path, "down")
    assert down.communicate(timeout=HUNG_SECONDS)[0] == "the lab is down\n"
    assert not alive(child)


def test_lab_down_without_a_lab_says_so(tmp_path: Path) -> None:
    down = start(tmp_path, "down")
    assert "no lab is up" in down.communicate(timeout=HUNG_SECONDS)[1]
    assert down.returncode == 0
