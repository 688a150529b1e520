"""A data directory between its unpacking and its first start, and between its recovery and its use."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from recovery.site.inherited_settings import RESTORED

AUTO_CONF = "postgresql.auto.conf"
# Files in which a server says what it is and whom it follows; a backup has none of them, a copy by other means may.
_ROLES = ("standby.signal", "recovery.signal", "recovery.conf", "postmaster.pid", "postmaster.opts")
_HBA = "# Nobody but the data's owner, by the Unix socket, until somebody writes more here.\nlocal all all peer\n"


def take_roles(data: Path) -> bytes:
    """Take away what would make a server of this copy follow or imitate its source; returns what ALTER SYSTEM had set
    there, which nobody reads until `give_settings`."""
    for name in _ROLES:
        (data / name).unlink(missing_ok=True)
    for slot in (data / "pg_replslot").glob("*"):
        shutil.rmtree(slot)
    settings = data / AUTO_CONF
    before = settings.read_bytes() if settings.exists() else b""
    settings.write_bytes(b"")
    return before


def give_settings(
    data: Path, before: bytes, owner: int | None, *, least: Mapping[str, str], standby: bool = False
) -> None:
    """Put ALTER SYSTEM's settings back, and behind them what keeps a server of this copy from acting as its source:
    the last line of a setting wins. A `standby` is told that by what it is: standby.signal. Files that lie elsewhere at
    the source are made, closed or with no more than what such a server has to have, `least`."""
    lines = [
        "",
        "# Written by dr restore: a server of this copy neither archives, follows, nor waits for a replica. Once it",
        "# is to be production, take these lines away one by one.",
        *(f"{name} = '{value}'" for name, value in RESTORED.items()),
        "",
    ]
    (data / AUTO_CONF).write_bytes(before if standby else before + "\n".join(lines).encode())
    conf = "".join(f"{name} = '{value}'\n" for name, value in least.items())
    signal = (("standby.signal", ""),) if standby else ()
    for name, content in (("postgresql.conf", conf), ("pg_hba.conf", _HBA), ("pg_ident.conf", ""), *signal):
        path = data / name
        if not path.exists():
            path.write_text(content)
            path.chmod(0o600)
            if owner is not None:
                os.chown(path, owner, owner)


def point_tablespaces(data: Path, folders: Mapping[int, Path]) -> None:
    """Let PostgreSQL find its tablespaces in `folders` when it starts to recover: it makes the links itself.

    https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
    """
    if folders:
        lines = [f"{oid} {_escaped(folder)}\n" for oid, folder in sorted(folders.items())]
        (data / "tablespace_map").write_bytes(os.fsencode("".join(lines)))


def _escaped(folder: Path) -> str:
    """As in tablespace_map, where a line's end and a backslash stand behind a backslash."""
    return re.sub(r"([\n\r\\])", r"\\\1", str(folder))


def move_tablespace(data: Path, oid: int, folder: Path, owner: int | None) -> None:
    """Point the link of a tablespace of a stopped server to `folder`."""
    link = data / "pg_tblspc" / str(oid)
    if link.is_symlink():  # dropped since, it has none
        link.unlink()
        link.symlink_to(folder)
        if owner is not None:
            os.chown(link, owner, owner, follow_symlinks=False)
