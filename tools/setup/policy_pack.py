"""The policy pack's own environment, `policy/pack/.venv`: its SDK wants an older protobuf than the project."""

import os
import sys
from pathlib import Path

from tools.setup import cache
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.progress import Progress

PACK = Path("policy") / "pack"
REQUIREMENTS = PACK / "requirements.txt"


def ensure(children: Children, progress: Progress, uv: Path, checkout: Path) -> Path | None:
    """The environment where Pulumi looks for it; None where its packages cannot be had, for only one test needs them.

    Through uv's cache: what another checkout has downloaded is linked, not downloaded again.
    """
    folder = checkout / PACK / ".venv"
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    env |= {"UV_PYTHON_DOWNLOADS": "never"}
    make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, folder]
    install = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", "-r", checkout / REQUIREMENTS]
    try:
        with progress.step("installing the policy pack's Python environment", 5):
            children.run(make, env=env, doing="uv venv")
            children.run(install, env=env, doing="uv pip install")
    except SetupError as problem:
        # Half an environment would look like a whole one.
        cache.remove(folder)
        progress.say(f"all else goes on without the policy pack's packages, and its test is skipped: {problem}")
        return None
    return folder
