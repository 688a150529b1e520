"""HAProxy, the gate before each primary: the machine's own, else Debian's package unpacked into the cache.

Unpacked, not installed, as root too: installing the package would also start a system service.
"""

import os
import shlex
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tools.setup import cache
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
            if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
                raise SetupError(f"no haproxy on PATH, and this is no Debian or Ubuntu to get it from: {BY_HAND}")
            with progress.step("unpacking HAProxy from Debian's package", 10):
                _unpack(children, folder)
    return folder / "haproxy"


def apt_options(folder: Path) -> list[str]:
    """Let apt-get keep its lists, packages and locks in `folder`: no root needed, nothing of the system changed."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder,
        "Dir::Cache::Archives": folder / "archives",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",  # apt would else fetch as a user who cannot reach the folder
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def _unpack(children: Children, folder: Path) -> None:
    partial = folder.with_name("haproxy.partial")
    cache.remove(partial)
    partial.mkdir(parents=True)
    apt = partial / "apt"
    options = apt_options(apt)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    with suppress(SetupError):  # one unreachable source of several is no harm; none at all fails below
        children.run(["apt-get", "-q", *options, "update"], env=env, doing="reading Debian's package lists")
    try:
        # Fetches HAProxy and exactly those of its libraries that are not installed.
        fetch = ["apt-get", "-q", "-y", *options, "--download-only", "--reinstall", "install", "haproxy"]
        children.run(fetch, env=env, doing="fetching Debian's haproxy package")
    except SetupError as problem:
        raise SetupError(f"no haproxy on PATH, and {problem}\n  Or {BY_HAND}.") from None
    for package in sorted((apt / "archives").glob("*.deb")):
        children.run(["dpkg-deb", "-x", package, partial / "root"], doing=f"unpacking {package.name}")
    cache.remove(apt)
    (partial / "haproxy").write_text(wrapper(partial / "root", folder / "root"))
    (partial / "haproxy").chmod(0o755)
    cache.remove(folder)
    partial.replace(folder)
    if not works(folder / "haproxy"):
        raise SetupError(f"the haproxy unpacked into {folder} does not start; {BY_HAND}")


def wrapper(unpacked: Path, at: Path) -> str:
    """A script that becomes the haproxy of the tree `unpacked`, which will lie at `at`, with the libraries beside it.

    `exec` keeps the process id and the parent-death signal, by which the guard holds the gate.
    """
    libraries = sorted({path.parent.relative_to(unpacked) for path in unpacked.rglob("*.so*")})
    search = ":".join(str(at / folder) for folder in libraries)
    return (
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={shlex.quote(search)}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\n"
        f'exec {shlex.quote(str(at / "usr/sbin/haproxy"))} "$@"\n'
    )
