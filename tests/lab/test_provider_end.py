"""The lab's plugins end the moment the engine says so."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.machine import byte_code
from lab.machine.processes import HUNG_SECONDS
from tests.support.plans import ROOT


@pytest.mark.parametrize("module", ["aws", "kubernetes"])
def test_sigint_ends_a_plugin_at_once_and_without_a_word(module: str, tmp_path: Path) -> None:
    """By the kernel. asyncio's and the interpreter's way out takes seconds on a busy machine, and the engine, which has
    5 s for all its plugins, then reports the next one as "exited prematurely": an error in a preview that found none.
    """
    env = {**byte_code.environment(), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", f"lab.providers.{module}.provider", "127.0.0.1:1"],
        env={**env, "LAB_RUN": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as plugin:
        try:
            assert plugin.stdout is not None
            assert plugin.stdout.readline().strip().isdigit()
            plugin.send_signal(signal.SIGINT)
            _, said = plugin.communicate(timeout=HUNG_SECONDS)
        finally:
            plugin.kill()
    assert (plugin.returncode, said) == (-signal.SIGINT, "")
