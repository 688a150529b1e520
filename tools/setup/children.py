"""Every process the set-up starts: in a group of its own, ended by id, gone when the set-up is gone."""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.setup.failure import SetupError

PR_SET_PDEATHSIG = 1
TAIL_LINES = 25
_libc = ctypes.CDLL(None)


class Stopped(Exception):
    """Raised in a worker thread when the set-up is being ended; never shown."""


def _die_with(parent: int) -> Callable[[], None]:
    def hook() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return hook


class Children:
    """Runs commands for several threads and ends all of them at once. After `end_all` nothing can be started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._ending = False

    def run(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, doing: str
    ) -> str:
        """Output of `argv`. Raises SetupError with the output's end, saying what it was `doing`, when it fails."""
        with self._lock:
            self.check()
            process = subprocess.Popen(
                [str(word) for word in argv],
                env=dict(env) if env is not None else None,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
            self._running[process.pid] = process
        try:
            output, _ = process.communicate()
        finally:
            with self._lock:
                self._running.pop(process.pid, None)
        self.check()
        if process.returncode != 0:
            end = "\n  ".join(output.splitlines()[-TAIL_LINES:])
            raise SetupError(f"{doing} failed ({argv[0]} ended with code {process.returncode}):\n  {end}")
        return output

    def check(self) -> None:
        """Raises Stopped when everything is being ended."""
        if self._ending:
            raise Stopped

    def end_all(self) -> None:
        """SIGKILL every group that is still running; what they were making is thrown away anyway."""
        with self._lock:
            self._ending = True
            for pid in self._running:
                try:
                    os.killpg(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
