"""The folder that a restore puts its data in: empty before, and there only when all is proven.

It is made beside its place, under a name of its own, and takes the place by one rename.
"""

import ctypes
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recovery.errors import Refused

_MARK = "dr-restore"


@dataclass
class Stages:
    """What happens now, and what each stage took."""

    heard: Callable[[str], None] = lambda _: None
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.heard(name)
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 3)


def folder(named: str) -> Path:
    """The folder, from the root on. A link stays a link."""
    return Path(os.path.abspath(named))  # noqa: PTH100


def require_target(into: Path, *, inside: Path | None = None) -> None:
    """Raises Refused unless `into` is an empty folder, or none yet, that one rename can put in place (fault 54)."""
    if into.exists() and not into.is_dir():
        raise Refused(f"{into} is a file", next_step="name an empty folder, or one that does not exist yet")
    if into.is_dir() and any(into.iterdir()):
        raise Refused(
            f"{into} is not empty: a restore never writes over data",
            next_step="name an empty folder, or one that does not exist yet; or move away what is there",
        )
    if into.is_mount():
        raise Refused(
            f"{into} is where a file system is mounted, so nothing can be renamed to it",
            next_step=f"name a folder in it: --into {into / 'data'}",
        )
    if not (inside or into.parent).is_dir():
        raise Refused(f"there is no folder {into.parent}", next_step="make it, as the user that the server will run as")


@contextmanager
def beside(into: Path, owner: int | None) -> Iterator[Path]:
    """A folder of our own beside `into`, removed at the end. What an earlier restore into the same place left there is
    removed first. Raises Refused when another one runs, or when the folder is not ours."""
    partial = into.with_name(f".{into.name}.{_MARK}")
    mark = partial / _MARK
    if partial.exists() and not mark.exists():
        raise Refused(f"{partial} is in the way, and no restore made it", next_step="move it away")
    partial.mkdir(mode=0o711, exist_ok=True)
    with mark.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another restore into {into} is running", next_step="wait for it, or end it") from None
        _empty(partial)
        try:
            yield partial
        finally:
            _empty(partial)
            mark.unlink()
            partial.rmdir()


def _empty(partial: Path) -> None:
    for path in partial.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _MARK:
            path.unlink()


def uid_of(user: str) -> int:
    """Of a user by name, or a number as it is. Raises Refused for a name that this machine does not know."""
    import pwd

    try:
        return int(user) if user.isascii() and user.isdigit() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise Refused(f"there is no user {user}", next_step="name a user of this machine, or a number") from None


def owner_of(into: Path, wanted: str, *, server: str, user: str) -> int | None:
    """The user that the `server` will run as; None: this one. Raises Refused for root, as whom no database has to run,
    and for another than root who names somebody else. `user`: who it usually is."""
    if os.geteuid():
        if wanted and uid_of(wanted) != os.geteuid():
            raise Refused(f"only root can restore for {wanted}", next_step="run this as that user, without --owner")
        return None
    owner = uid_of(wanted) if wanted else into.parent.stat().st_uid
    if owner == 0:
        raise Refused(
            f"a {server} server does not run as root",
            next_step=f"say with --owner whose the data will be (Debian: {user}), or run this as that user",
        )
    return owner


def sync(folder: Path) -> None:
    """Everything on the file system of `folder` is on its disk when this returns. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)
