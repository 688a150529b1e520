"""`tools/preview-comment` run as the workflow does; uv and pulumi only play their answers."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.machine.processes import HUNG_SECONDS
from tests.support.plans import ROOT
from tests.support.review_preview import preview


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def comment(
    folder: Path,
    *steps: dict[str, Any],
    code: int = 0,
    plan: str = "recovery.yaml",
    head: Path = ROOT,
    stacks: str = "prod dr",
) -> tuple[int, str, str]:
    """(exit code, comment, what the workflow's log shows); `head` is what is judged, this checkout the judge."""
    tools = folder / "bin"
    tools.mkdir()
    (folder / "preview.json").write_text(preview(*steps))
    _program(tools / "uv", f'shift 2; PYTHONPATH=$PWD exec "{Path(sys.executable).parent}/$@"')
    _program(tools / "pulumi", f"cat {folder}/preview.json; echo password=hunter2 >&2; exit {code}")
    done = subprocess.run(
        [str(ROOT / "tools" / "preview-comment"), str(folder / "previews"), str(folder / "comment.md"), stacks],
        cwd=head,
        env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin", "DR_PLAN": plan},
        capture_output=True,
        text=True,
        timeout=HUNG_SECONDS,
        check=False,
    )
    return done.returncode, (folder / "comment.md").read_text(), done.stdout + done.stderr
