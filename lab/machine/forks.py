"""This process's fork server, see `fork_server`: started when an engine first runs, ended with us."""

import atexit
import os
import shutil
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

from lab.machine import byte_code
from lab.machine.processes import Supervisor

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "fork-server"
_starting = threading.Lock()


@cache
def _supervisor() -> Supervisor:
    # Only this user can enter a folder that mkdtemp made, so only this user can ask for a fork.
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-forks-"))
    atexit.register(end)
    return Supervisor(folder)


def socket() -> Path:
    """Where the server listens once it runs."""
    return _supervisor().logs / "socket"


def ensure() -> None:
    """Start it unless it runs. Nobody waits for it to be ready: until then plugins and programs start by themselves."""
    with _starting:
        found = _supervisor().children.get(NAME)
        if found and found.alive():
            return
        socket().unlink(missing_ok=True)
        argv = [sys.executable, "-m", "lab.machine.fork_server", str(socket())]
        environment = {key: os.environ[key] for key in ("PATH", "HOME", "XDG_CACHE_HOME") if key in os.environ}
        # Python reads this one when it starts: what the engine gives its children comes too late for a fork.
        environment |= {"PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore", **byte_code.environment()}
        _supervisor().start(NAME, argv, env=environment, cwd=REPOSITORY)


def end() -> None:
    """End it and remove its folder. Safe to call twice."""
    _supervisor().stop(NAME)
    shutil.rmtree(_supervisor().logs, ignore_errors=True)
