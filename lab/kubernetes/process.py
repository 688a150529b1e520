"""A container's process: dies with the agent, is waited for without a thread, and is ended with all its descendants."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.machine.processes import spawn


class Process:
    """A started program. Create it in the event loop's thread: the kernel's death signal follows that thread.

    Raises OSError when the program cannot be executed.
    """

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, uid: int | None, output: Path
    ) -> None:
        self._popen = spawn(argv, env=env, cwd=cwd, uid=uid, output=output)
        self.pid = self._popen.pid
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._descriptor = os.pidfd_open(self.pid)
        self._loop.add_reader(self._descriptor, self._collect)

    def _collect(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        # As when a container's first process ends: the rest of it goes too. Before reaping, while the id is still ours.
        _signal_group(self.pid, signal.SIGKILL)
        code = self._popen.wait()
        self._ended.set_result(code if code >= 0 else 128 - code)

    async def wait(self) -> int:
        """The exit code; 128 + signal when a signal ended it."""
        return await asyncio.shield(self._ended)

    async def stop(self, grace_seconds: float, number: signal.Signals = signal.SIGTERM) -> int:
        """`number` to the program and, once it has ended or the grace period has, SIGKILL to all of its descendants."""
        if not self._ended.done():
            family = descendants(self.pid)
            try:
                os.kill(self.pid, number)
                await asyncio.wait_for(self.wait(), grace_seconds)
            except (TimeoutError, ProcessLookupError):
                self.kill()
            kill_all(family)
        return await self.wait()

    def kill(self) -> None:
        """SIGKILL to the program and its descendants, those in sessions of their own included."""
        if self._ended.done():
            return
        family = descendants(self.pid)
        _signal_group(self.pid, signal.SIGKILL)
        kill_all(family)


def descendants(pid: int) -> dict[int, str]:
    """All living descendants of a process: id → start time, which tells a process from a later one of the same id."""
    found: dict[int, str] = {}
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return found
    for child in children:
        found |= {child: _start_time(child), **descendants(child)}
    return found


def kill_all(family: Mapping[int, str]) -> None:
    """SIGKILL to each that still lives."""
    for pid, started in family.items():
        try:
            if started and _start_time(pid) == started:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def collect(family: Mapping[int, str]) -> None:
    """Wait for those that were killed and have become our children, parents first: a process nobody has collected still
    has its id, and a database that comes back believes that its predecessor runs."""
    for pid in family:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            continue  # another's child, who collects it


def _start_time(pid: int) -> str:
    """Field 22 of /proc/PID/stat; empty when there is no such process. The name before it may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
