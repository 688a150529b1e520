"""`dr` as its user starts it: the installed program, in a process of its own, with a fault where a test wants one."""

import os
import subprocess
import sys
from pathlib import Path

from lab.machine.processes import HUNG_SECONDS
from recovery.errors import EXIT_DONE
from scripts.dr import main
from tests.support.plans import ROOT

DR = Path(sys.executable).with_name("dr")
_FAULT = """
import os, signal, sys

class Fault:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            {code}

sys.meta_path.insert(0, Fault())
"""


def environment(**more: str) -> dict[str, str]:
    """Ours without what would reach AWS, a database or a terminal's colours."""
    strange = (
        "AWS_",
        "DR_",
        "PG",
        "REDIS_",
        "NO_COLOR",
        "FORCE_COLOR",
        "PYTHONIOENCODING",
        "PYTHONPATH",
        "COLUMNS",
        "TERM",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **more}


def dr(*arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end, from the repository's root."""
    return subprocess.run(
        [DR, *arguments], cwd=ROOT, env=environment(**env), capture_output=True, timeout=HUNG_SECONDS, check=False
    )


def dr_here(*arguments: str) -> int:
    """Run it in this process, with this one's environment; returns its exit code."""
    try:
        main([*arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_DONE
    return EXIT_DONE


def fault(folder: Path, *, at: str, code: str) -> str:
    """A PYTHONPATH with which a Python process runs `code` when it first looks for module `at`."""
    (folder / "sitecustomize.py").write_text(_FAULT.format(module=at, code=code))
    return str(folder)
