"""The per-user cache of built binaries: one folder for each module and key, complete or not there.

A build takes a lock, copies a module's finished binaries into `<module>-<key>.partial` and renames that to
`<module>-<key>`. So whatever kills a build, `<module>-<key>` holds everything or does not exist, and the next build
does only what is missing. Sources and build caches lie in a work folder that no build survives.

Nothing is removed from the cache by itself: another checkout, or another branch of this one, may need it again. All of
it can be removed at any time; the next set-up builds what it needs.
"""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.setup.failure import SetupError

GIGABYTE = 1 << 30
BUILD_SPACE = 8 * GIGABYTE  # module cache 2.4 GB, build cache up to 3.9 GB, with room
CACHE_SPACE = 1 * GIGABYTE


def cache_root() -> Path:
    """Where this user's tools are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `ultramarket-dr/tools`."""
    # The XDG base directory specification says that a relative value is to be ignored.
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "ultramarket-dr" / "tools"


def digest(paths: Iterable[Path], *, and_also: str = "") -> str:
    """Hash of the names and contents of `paths` and of `and_also`; the machine's architecture is part of it."""
    total = hashlib.sha256(f"{platform.machine()}\n{and_also}\n".encode())
    for path in sorted(paths):
        total.update(f"{path.parent.name}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:16]


def holds(folder: Path, names: Iterable[str]) -> bool:
    """Whether every one of `names` is an executable in `folder`."""
    return all(os.access(folder / name, os.X_OK) for name in names)


def place(source: Path, folder: Path, name: str) -> None:
    """Copy `source` to `folder/name` so that `name` is there whole or not at all, even after a power cut."""
    new = folder / f".{name}.new"
    shutil.copyfile(source, new)
    new.chmod(0o755)
    with new.open("rb") as written:
        os.fsync(written)
    new.replace(folder / name)


def work_folder(root: Path) -> Path:
    """Where a build of this cache keeps sources and object files: in `$TMPDIR` if set, else in the cache itself.

    Not in /tmp by default: that is memory on many machines.
    """
    base = os.environ.get("TMPDIR")
    mark = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return Path(base) / f"ultramarket-dr-build-{os.getuid()}-{mark}" if base else root / "work"


@contextmanager
def fresh_work(root: Path) -> Iterator[Path]:
    """An empty work folder, removed at the end. Call with the lock held: what is found there is a dead build's."""
    folder = work_folder(root)
    remove(folder)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a tree, if it is there, even with folders in it that nobody may write to, as Go makes them."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        for path, _, _ in os.walk(folder):
            Path(path).chmod(0o700)
        shutil.rmtree(folder)


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raises SetupError when the disk of `folder` has less than `needed` bytes free."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise SetupError(
            f"{what} needs {needed / GIGABYTE:.0f} GB at {folder}; {free / GIGABYTE:.1f} GB are free.\n"
            "  Free some space, or point TMPDIR (the builds) or XDG_CACHE_HOME (the results) at a larger disk."
        )
