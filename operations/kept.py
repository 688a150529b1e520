"""A process that is started anew whatever ends it, in a container that must not end: a container that has ended makes
its Pod not ready, and in a database's Pod ready is what the gate's Service goes by."""

import os
import signal

_PAUSE_SECONDS = 1.0


def keep_running() -> None:
    """Returns in a child. This process stays behind, starts another child a while after one has ended, and ends, with
    its child, when it is told to."""
    ending = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, {*ending, signal.SIGCHLD})
    while True:
        child = os.fork()
        if child == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {*ending, signal.SIGCHLD})
            return
        while signal.sigwait({*ending, signal.SIGCHLD}) is signal.SIGCHLD:
            if _has_ended(child):
                break
        else:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            os._exit(0)
        if signal.sigtimedwait(ending, _PAUSE_SECONDS):
            os._exit(0)


def _has_ended(child: int) -> bool:
    """Collects what has ended; as process 1 of a container it gets the children of others as well."""
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if ended in (0, child):
            return ended == child
