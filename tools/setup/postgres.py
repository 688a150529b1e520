"""The oldest PostgreSQL that tests run on besides the newest, which is a wheel: the machine's own, else Debian's."""

import subprocess
from pathlib import Path

from tools.setup import cache, debian
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress

MAJORS = (15, 16, 17)  # the oldest first; Debian 12 has 15, Ubuntu 24.04 has 16, Debian 13 has 17
KEPT = "postgresql"
"""The folder in the cache."""
_INSTALLED = Path("usr/lib/postgresql")  # with a folder a major version in it, as Debian's packages have it
_NEEDED = ("postgres", "initdb", "pg_basebackup", "pg_verifybackup", "pg_waldump", "pg_controldata")


def works(folder: Path) -> bool:
    """Whether the programs in `folder` are there and start, libraries and all."""
    if not cache.holds(folder, _NEEDED):
        return False
    try:
        subprocess.run([folder / "postgres", "--version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def on_this_machine(root: Path = Path("/")) -> Path | None:
    """The folder with the programs of the oldest one that is installed."""
    found = (root / _INSTALLED / str(major) / "bin" for major in MAJORS)
    return next((folder for folder in found if works(folder)), None)


def ensure(children: Children, progress: Progress, root: Path) -> Path | None:
    """The folder with its programs; None where it cannot be had, for only tests about older versions need it."""
    installed = on_this_machine()
    if installed:
        return installed
    folder = root / KEPT
    with locked(root, KEPT, children, progress):
        if works(folder / "bin"):
            return folder / "bin"
        if not debian.can_unpack():
            progress.say("no PostgreSQL older than the newest, and this is no Debian: tests on older ones are skipped")
            return None
        with progress.step("unpacking an older PostgreSQL from Debian's package", 20):
            problem = _unpack(children, folder)
    if problem:
        progress.say(f"all else goes on without an older PostgreSQL, and its tests are skipped: {problem}")
    return None if problem else folder / "bin"


def _unpack(children: Children, folder: Path) -> str:
    """Fill `folder`; returns what is wrong, or nothing."""
    partial = folder.with_name(f"{KEPT}.partial")
    problem = ""
    for major in MAJORS:
        cache.remove(partial)
        (partial / "bin").mkdir(parents=True)
        try:
            debian.unpack(children, f"postgresql-{major}", partial / "root")
        except SetupError as error:
            problem = problem or str(error)
            continue
        _wrap(partial, _INSTALLED / str(major) / "bin")
        cache.remove(folder)
        partial.replace(folder)
        return "" if works(folder / "bin") else f"postgresql-{major} of Debian does not start in {folder}"
    cache.remove(partial)
    return problem


def _wrap(folder: Path, programs: Path) -> None:
    """`folder/bin`: the programs of the tree `folder/root`. They find the tree beside themselves, so that `folder` can
    be copied to where the server's user can read it."""
    for program in (folder / "root" / programs).iterdir():
        script = folder / "bin" / program.name
        beside = '"$(dirname "$(readlink -f "$0")")/../root"'
        script.write_text(debian.wrapper(folder / "root", str(programs / program.name), beside))
        script.chmod(0o755)
