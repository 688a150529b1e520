"""One lab at a time per checkout, and its end: Ctrl-C, a signal, `make lab-down`, or the end of the run.

The run itself is a child process of the command, so that a kept lab can outlive the command that started it.
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

from lab.machine import forks
from lab.machine.processes import PR_SET_PDEATHSIG, become_subreaper
from lab.project import ROOT

LAB = ROOT / ".lab"
_libc = ctypes.CDLL(None)


class Stop(BaseException):
    """Somebody asked the run to end; like KeyboardInterrupt, nothing but the outermost edge catches it."""


def _up() -> Path:
    """Where the running lab says who it is."""
    return LAB / "up.json"


def _lock() -> IO[str] | None:
    """The checkout's lab lock, or None when a lab is running."""
    LAB.mkdir(exist_ok=True)
    lock = (LAB / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def holder() -> dict[str, object] | None:
    """What the running lab wrote about itself."""
    try:
        return json.loads(_up().read_text())
    except (OSError, ValueError):
        return None


def run(scenario: Callable[[Callable[[], None]], int]) -> int:
    """Run `scenario` in a child and return its exit code. `scenario` gets a function that declares the lab kept:
    from then on the child lives on and this returns 0. Ends with 2 when a lab is running already."""
    lock = _lock()
    if lock is None:
        found = holder() or {}
        kept = "kept by an earlier `make lab KEEP=1`" if found.get("kept") else "running"
        sys.stderr.write(
            f"make lab: a lab is already {kept} in this checkout (process {found.get('pid', 'unknown')}).\n"
            f"Next: {'end it with `make lab-down`' if found.get('kept') else 'wait for it, or end it with Ctrl-C'}\n"
        )
        return 2
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(scenario, write_end)
    os.close(write_end)
    # A Ctrl-C reaches the child as our signal, so that it ends in order; we only wait.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: _forward(child, number))
    with os.fdopen(read_end) as pipe:
        kept = pipe.read()
    if kept:
        return 0
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def down() -> int:
    """End a kept lab and wait until it is gone."""
    found = holder()
    lock = _lock()
    if lock is not None or found is None:
        sys.stderr.write("make lab-down: no lab is up in this checkout\n")
        _up().unlink(missing_ok=True)
        return 0
    pid = int(str(found["pid"]))
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 30
    while (lock := _lock()) is None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)  # its children follow by their death signal
            deadline += 10
        time.sleep(0.05)
    _up().unlink(missing_ok=True)
    sys.stdout.write("the lab is down\n")
    return 0


def _forward(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:
        return


def _child(scenario: Callable[[Callable[[], None]], int], pipe: int) -> NoReturn:
    os.setsid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    become_subreaper()

    def stop(_number: int, _frame: object) -> NoReturn:
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)  # ending takes a moment; one request is enough
        raise Stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    _up().write_text(json.dumps({"pid": os.getpid(), "kept": False}))

    def keep() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
        _up().write_text(json.dumps({"pid": os.getpid(), "kept": True}))
        sys.stdout.flush()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.write(pipe, b"kept")
        os.close(pipe)

    code = 1
    try:
        code = scenario(keep)
    except Stop:
        sys.stderr.write("stopped; everything the lab had started is gone\n")
        code = 130
    except Exception:  # noqa: BLE001 - the outermost edge of the run; whatever it was, everything is ended below
        traceback.print_exc()
    finally:
        _up().unlink(missing_ok=True)
        forks.end()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
