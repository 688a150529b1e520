"""HAProxy, the gate before each primary: the machine's own, else Debian's package unpacked into the cache."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from tools.setup import cache, debian
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress

PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # often not on the PATH of users that are not root
BY_HAND = "install HAProxy 2.4 or newer with the system's package manager so that `haproxy` is on PATH, and try again"


def works(haproxy: Path) -> bool:
    """Whether it starts, libraries and all."""
    try:
        subprocess.run([haproxy, "-v"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def on_this_machine() -> Path | None:
    """A HAProxy that is installed and works."""
    found = shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    return Path(found) if found and works(Path(found)) else None


def ensure(children: Children, progress: Progress, root: Path) -> Path:
    """A HAProxy that works. Raises SetupError where there is neither one installed nor Debian's packages."""
    installed = on_this_machine()
    if installed:
        return installed
    folder = root / "haproxy"
    with locked(root, "haproxy", children, progress):
        if not works(folder / "haproxy"):
            if not debian.can_unpack():
                raise SetupError(f"no haproxy on PATH, and this is no Debian or Ubuntu to get it from: {BY_HAND}")
            with progress.step("unpacking HAProxy from Debian's package", 10):
                _unpack(children, folder)
    return folder / "haproxy"


def _unpack(children: Children, folder: Path) -> None:
    partial = folder.with_name("haproxy.partial")
    cache.remove(partial)
    partial.mkdir(parents=True)
    try:
        debian.unpack(children, "haproxy", partial / "root")
    except SetupError as problem:
        raise SetupError(f"no haproxy on PATH, and {problem}\n  Or {BY_HAND}.") from None
    (partial / "haproxy").write_text(wrapper(partial / "root", folder / "root"))
    (partial / "haproxy").chmod(0o755)
    cache.remove(folder)
    partial.replace(folder)
    if not works(folder / "haproxy"):
        raise SetupError(f"the haproxy unpacked into {folder} does not start; {BY_HAND}")


def wrapper(unpacked: Path, at: Path) -> str:
    """A script that becomes the haproxy of the tree `unpacked`, which will lie at `at`."""
    return debian.wrapper(unpacked, "usr/sbin/haproxy", shlex.quote(str(at)))
