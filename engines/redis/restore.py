"""A restored Redis or Valkey: its RDB, checked while it is unpacked beside its target, and a configuration by which a
server loads it and nothing else."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engines import restoring
from engines.redis.contents import rdb_of
from engines.redis.formats import Server
from engines.target import Stages, beside, require_target, sync
from recovery.copies.manifest import Manifest
from recovery.copies.moments import moment_of
from recovery.ports.buckets import ObjectStore

NOT_IN_IT = (
    "users and their rights (ACL): they come from the aclfile, or from users in the configuration",
    "keys whose time is up when the server loads it: they vanish, as they would have",
)
_CONFIGURATION = """\
# Written by dr restore. Start with it:  {program} {path}
# A server with appendonly yes and no append-only files yet starts empty, whatever lies in dump.rdb. So it is off here.
# Once the server has loaded, in this order:
#   CONFIG SET appendonly yes
#   INFO persistence, until aof_rewrite_in_progress and aof_rewrite_scheduled are 0 and aof_last_bgrewrite_status is ok
#   CONFIG REWRITE
# An RDB has no users: name an aclfile, or write `user` lines, before anybody but this machine may connect.
dir "{folder}"
dbfilename dump.rdb
appendonly no
bind 127.0.0.1
protected-mode yes
replicaof no one
"""


@dataclass(frozen=True, kw_only=True)
class Restored(restoring.Restored):
    """What `server` can be started with; it is as of `moment`."""

    server: Server
    moment: datetime

    @property
    def words(self) -> str:
        """How far it got, for people."""
        return f"as of {self.moment:%Y-%m-%d %H:%M:%S} UTC"

    def next_step(self, into: Path) -> str:
        """What to do with it now."""
        file = configuration_file(self.server, into)
        return (
            f"start it with {self.server.product}-server {file}, which follows nobody; {file} says how to switch its "
            "append-only file on, and where its users come from"
        )

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {"as_of": self.moment.isoformat()}


def configuration_file(server: Server, into: Path) -> Path:
    """Beside the RDB, by its server's own name."""
    return into / f"{server.product}.conf"


def restore(
    store: ObjectStore,
    backup: Manifest,
    server: Server,
    into: Path,
    *,
    owner: int | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Unpack `backup` into the empty folder `into` for `server`, whose user is `owner` (None: ours).

    Raises Corrupt for a damaged copy, Refused for a target that is not empty; `into` then is what it was.
    """
    require_target(into)
    stages = Stages(heard)
    with beside(into, owner) as partial:
        data = partial / "data"
        data.mkdir(mode=0o700)  # whatever lies in it is its owner's alone
        with stages.stage("unpack and check"):
            size = 0
            with (data / "dump.rdb").open("xb", buffering=0) as file:
                for chunk in rdb_of(store, backup):
                    size += len(chunk)
                    while chunk:
                        chunk = chunk[file.write(chunk) :]
        with stages.stage("finish"):
            named = configuration_file(server, into)
            text = _CONFIGURATION.format(program=f"{server.product}-server", path=named, folder=_quoted(into))
            (data / named.name).write_text(text)
            if owner is not None:
                for path in (data, *data.iterdir()):
                    os.chown(path, owner, owner)
            sync(data)
            if into.is_dir():
                into.rmdir()
            data.rename(into)
            sync(into.parent)
    return Restored(files=2, bytes=size, seconds=stages.seconds, server=server, moment=moment_of(backup))


def _quoted(folder: Path) -> str:
    """As in a string of a configuration file."""
    return str(folder).replace("\\", "\\\\").replace('"', '\\"')
