"""Parent of every process of a run: starts them, ends them by id in reverse order, reaps what they leave behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

HUNG_SECONDS = 180.0
"""After this a wait gives up, whose condition comes in a second: the machine hangs, it is not just slow."""
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Orphans of our children become our children, so that they can be found and reaped."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(uid: int | None = None) -> Callable[[], None]:
    """A preexec hook: the kernel kills this child when its parent dies; optionally drop to `uid` first.

    Dropping credentials clears the death signal, so it is set afterwards.
    """
    parent = os.getpid()

    def hook() -> None:
        if uid is not None and os.getuid() == 0:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return hook


def spawn(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None, uid: int | None, output: Path
) -> subprocess.Popen[bytes]:
    """A child in a session of its own that dies with the thread that starts it; all it says is added to `output`.

    Raises OSError when the program cannot be executed.
    """
    with output.open("ab") as out:
        return subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(uid),
        )


@dataclass
class Child:
    """A running process and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def alive(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """The end of its log, for an error message."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class Supervisor:
    """Starts and ends processes. Start from a long-lived thread: the death signal follows the starting thread."""

    living: ClassVar[WeakSet["Supervisor"]] = WeakSet()

    def __init__(self, logs: Path) -> None:
        Supervisor.living.add(self)
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self.children: dict[str, Child] = {}
        self._lock = threading.Lock()

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        uid: int | None = None,
    ) -> Child:
        """Start `argv` in a session of its own; output goes to `logs/name.log`. A name is used by one live process."""
        with self._lock:
            old = self.children.get(name)
            if old and old.alive():
                raise RuntimeError(f"{name} is already running as process {old.process.pid}")
            log = self.logs / f"{name}.log"
            child = Child(name, spawn(argv, env=env, cwd=cwd, uid=uid, output=log), log)
            self.children.pop(name, None)
            self.children[name] = child
            return child

    def kill(self, *names: str) -> None:
        """SIGKILL these and their sessions at once: what a lost region looks like."""
        found = [self.children[name] for name in names if name in self.children]
        for child in found:
            _signal_group(child.process, signal.SIGKILL)
        for child in found:
            child.process.wait()
            self.children.pop(child.name, None)

    def stop(self, name: str, timeout: float = 10.0) -> None:
        """SIGTERM, then SIGKILL after `timeout` seconds."""
        child = self.children.pop(name, None)
        if child is None:
            return
        _signal_group(child.process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(timeout)
        _signal_group(child.process, signal.SIGKILL)
        child.process.wait()

    def stop_all(self, timeout: float = 3.0) -> None:
        """End everything, the youngest first; safe to call twice."""
        for name in reversed(list(self.children)):
            self.stop(name, timeout)
        self.reap()

    @staticmethod
    def reap(timeout: float = 3.0) -> None:
        """Kill and collect what was re-parented to us (needs `become_subreaper`), but no supervisor's own children."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            own = {child.process.pid for each in list(Supervisor.living) for child in list(each.children.values())}
            orphans = [pid for pid in _children_of(os.getpid()) if pid not in own]
            if not orphans:
                return
            for pid in orphans:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    continue


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while it is asked
            found += map(int, (task / "children").read_text().split())
    return found


def wait_until(
    condition: Callable[[], bool],
    *,
    what: str,
    timeout: float = HUNG_SECONDS,
    alive: Sequence[Child] = (),
    interval: float = 0.05,
) -> None:
    """Poll `condition`. Raises TimeoutError naming `what`, or RuntimeError with the log of a child that died."""
    deadline = time.monotonic() + timeout
    while not condition():
        for child in alive:
            if not child.alive():
                raise RuntimeError(
                    f"{child.name} ended with code {child.process.returncode} while waiting for {what}:\n{child.tail()}"
                )
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(interval)
