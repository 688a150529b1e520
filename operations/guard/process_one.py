"""Process 1 of a container, in front of the guard."""

import os
import signal


def stand_in_front() -> None:
    """When this is process 1 of its PID namespace, go on in a child and stay behind as its init.

    The kernel drops signals that process 1 has no handler for when they come from its own namespace, SIGKILL and the
    deadline timer's included (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html), so a guard that is
    process 1 could not be killed by its own timer. Returns in the guard; the init ends with the guard's exit code.
    """
    if os.getpid() != 1:
        return
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    guard = os.fork()
    if guard == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return
    while True:
        received = signal.sigwait(signals)
        if received is not signal.SIGCHLD:
            os.kill(guard, received)
        _leave_with(guard)


def _leave_with(guard: int) -> None:
    """Collect every child that has ended; end as the guard did when it is among them."""
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            os._exit(1)
        if ended == 0:
            return
        if ended == guard:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
