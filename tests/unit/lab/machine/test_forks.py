"""A fork stands for a Python process of its own: streams, environment, folder, exit code, an end with its caller."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.machine.engine import FORK_CLIENT
from lab.machine.processes import Supervisor, wait_until
from tests.support.plans import ROOT

# Without the SDKs: what is tested is the fork.
SERVER = "import sys; from pathlib import Path; from lab.machine.fork_server import serve; serve(Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server's socket."""
    folder = tmp_path_factory.mktemp("forks")
    supervisor = Supervisor(folder)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    child = supervisor.start("server", [sys.executable, "-c", SERVER, str(folder / "s")], env=environment)
    wait_until(lambda: "ready" in child.log.read_text(), what="the server", alive=[child])
    yield folder / "s"
    supervisor.stop_all()


def start(socket: Path, folder: Path, program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    script = folder / "script.py"
    script.write_text(program)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(FORK_CLIENT), str(socket), str(script), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("listening", [True, False])
def test_a_program_runs_as_its_caller_wants_it_with_and_without_a_server(
    listening: bool, server: Path, tmp_path: Path
) -> None:
    program = """if True:
        import os, sys
        print(__name__, sys.argv[1:], sorted(os.environ.keys() - {"LC_CTYPE"}), os.getcwd(), sys.stdin.read())
        print("wrong", file=sys.stderr)
        sys.exit(7)
    """
    asked = start(server if listening else tmp_path / "nobody", tmp_path, program, "a", "b c", SECRET="x")
    said, wrong = asked.communicate("input", timeout=30)
    assert said == f"__main__ ['a', 'b c'] ['PATH', 'SECRET'] {tmp_path} input\n"
    assert (wrong, asked.returncode) == ("wrong\n", 7)


def test_what_nobody_catches_ends_with_1_and_its_traceback(server: Path, tmp_path: Path) -> None:
    asked = start(server, tmp_path, "raise ValueError('no')")
    _, wrong = asked.communicate(timeout=30)
    assert asked.returncode == 1
    assert wrong.endswith("ValueError: no\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whoever_ends_the_caller_ends_the_fork(number: signal.Signals, server: Path, tmp_path: Path) -> None:
    asked = start(server, tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    assert asked.stdout is not None
    fork = int(asked.stdout.readline())
    assert fork != asked.pid
    asked.send_signal(number)
    assert asked.wait(30) == -number
    wait_until(lambda: not Path(f"/proc/{fork}").exists(), what="the fork to end")
    asked.communicate()


def test_a_fork_that_is_killed_is_a_failure(server: Path, tmp_path: Path) -> None:
    asked = start(server, tmp_path, f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})")
    asked.communicate(timeout=30)
    assert asked.returncode == 1


def test_no_fork_knows_what_another_had(server: Path, tmp_path: Path) -> None:
    start(server, tmp_path, "import os; os.environ['A'] = 'b'", MINE="1").communicate(timeout=30)
    second = start(server, tmp_path, "import os; print('A' in os.environ, 'MINE' in os.environ)")
    assert second.communicate(timeout=30)[0] == "False False\n"
    assert "MINE" not in os.environ
