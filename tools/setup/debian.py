"""Programs out of Debian's packages, unpacked into the cache with the libraries they need.

Unpacked, not installed, as root too: installing such a package would also start a system service.
"""

import os
import shlex
import shutil
from contextlib import suppress
from pathlib import Path

from tools.setup import cache
from tools.setup.children import Children
from tools.setup.failure import SetupError


def can_unpack() -> bool:
    """Whether this is a Debian or Ubuntu."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def unpack(children: Children, package: str, target: Path) -> None:
    """Unpack `package`, and exactly those packages it needs that are not installed, below `target`. Raises SetupError.

    No root needed: apt-get keeps its lists, packages and locks beside the target while this runs.
    """
    apt = target.with_name(f"{target.name}.apt")
    options = apt_options(apt)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        with suppress(SetupError):  # one unreachable source of several is no harm; none at all fails below
            children.run(["apt-get", "-q", *options, "update"], env=env, doing="reading Debian's package lists")
        fetch = ["apt-get", "-q", "-y", *options, "--download-only", "--reinstall", "install", package]
        children.run(fetch, env=env, doing=f"fetching Debian's {package} package")
        for archive in sorted((apt / "archives").glob("*.deb")):
            children.run(["dpkg-deb", "-x", archive, target], doing=f"unpacking {archive.name}")
    finally:
        cache.remove(apt)


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


def wrapper(unpacked: Path, program: str, at: str) -> str:
    """A script that becomes `program` of the tree `unpacked`, with the libraries beside it. `at` is where the tree will
    lie, already quoted for the shell.

    `exec` keeps the process id and the parent-death signal, by which the guard holds the gate.
    """
    libraries = sorted({path.parent.relative_to(unpacked) for path in unpacked.rglob("*.so*")})
    search = ":".join(f"{at}/{shlex.quote(str(folder))}" for folder in libraries)
    return (
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={search}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\n"
        f'exec {at}/{shlex.quote(program)} "$@"\n'
    )
