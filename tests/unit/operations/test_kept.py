"""A worker that something ends is started anew, by a process that itself goes on until it is told to end."""

import os
import signal
import subprocess
import sys

import pytest

from tests.support.plans import ROOT

PROGRAM = """
import os, signal
from operations import kept
kept._PAUSE_SECONDS = 0.01
kept.keep_running()
print(os.getpid(), flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_whatever_ends_the_worker_another_one_begins(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout
        first = int(keeper.stdout.readline())
        os.kill(first, number)
        second = int(keeper.stdout.readline())
        assert second not in (first, keeper.pid)
        assert keeper.poll() is None
        keeper.send_signal(signal.SIGTERM)
        assert keeper.wait(10) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
