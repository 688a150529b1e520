"""What a restore of Redis will take and leave behind: one copy of all keys, and which server may load it."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engines.choosing import choose
from engines.redis.formats import PRODUCTS, Server
from engines.redis.restore import NOT_IN_IT, Restored, restore
from engines.restoring import RestoreOrder, Size, archived_of, objects_of, require_room
from engines.target import folder, owner_of, require_target
from recovery.copies.manifest import Manifest
from recovery.copies.moments import moment_of, window
from recovery.copies.recovery_target import Target
from recovery.errors import Refused
from recovery.measured import REDIS_RESTORE_BYTES_PER_SECOND
from recovery.names import RESTORED_SERVER
from recovery.ports.buckets import RestoreBucket
from recovery.term import Term
from recovery.units import read_duration

_DATASET = "redis"
_KINDS = ("snapshot", "full")
_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Order(RestoreOrder):
    """The copy that is taken, and for which server. `known`: when each that there is was begun. `asked`: the moment
    that was asked for."""

    backup: Manifest
    known: tuple[datetime, ...]
    server: Server
    asked: datetime | None

    @property
    def window(self) -> str:
        """What could be restored, for people."""
        return window(self.known)

    def rows(self, size: Size) -> list[tuple[str, str]]:
        """The copy, the server, and what is in no copy."""
        backup, moment = self.backup, moment_of(self.backup)
        before = f", {read_duration(self.asked - moment)} before what was asked for" if self.asked else ""
        source = Server(product=backup.source.product, version=backup.source.server_version)
        return [
            ("take", f"{backup.kind} {backup.id}, {size(backup.raw_bytes)}, {backup.data_format} of {source}"),
            ("as of", f"{moment:%Y-%m-%d %H:%M:%S} UTC{before}, at {backup.stop_position}"),
            ("for", f"{self.server}, which reads it"),
            *(("not in it", each) for each in NOT_IN_IT),
        ]

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "backup": self.backup.id,
            "as_of": moment_of(self.backup).isoformat(),
            "position": self.backup.stop_position,
            "data_format": self.backup.data_format,
            "server": str(self.server),
        }


class RedisRestore:
    """One RDB, and the configuration by which a server loads it."""

    dataset = _DATASET
    programs: tuple[str, ...] = ()

    def place(self, named: str) -> Path:
        """A folder."""
        return folder(named)

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: Path,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> Order:
        """Look at the bucket, the target and the server. `incrementals`: there are none."""
        if standby:
            raise Refused(
                "a replica of Redis fills itself from its primary, from nothing or from any data",
                next_step="start one with REPLICAOF; or restore without --as-standby",
            )
        require_target(into)
        target = Target.parse(to)
        chosen = choose(store, _DATASET, _KINDS, target)
        backup = chosen.backup
        server = _server(backup, environment)
        objects = objects_of(store, backup)
        return Order(
            dataset=_DATASET,
            to=to,
            into=into,
            objects=len(objects),
            stored_bytes=sum(each.bytes for each in objects),
            disk_bytes=backup.raw_bytes,
            disk_free=require_room(into, backup.raw_bytes),
            terms=(_term(backup.raw_bytes),),
            archived=archived_of(store, objects),
            passed_over=chosen.passed_over,
            backup=backup,
            known=chosen.known,
            server=server,
            asked=target.time,
        )

    def owner_of(self, into: Path, wanted: str) -> int | None:
        """The user that the server will run as."""
        return owner_of(into, wanted, server="Redis", user="redis")

    def execute(
        self,
        store: RestoreBucket,
        order: Order,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> Restored:
        """See `engines.redis.restore`."""
        return restore(store, order.backup, order.server, order.into, owner=owner, heard=heard)


def _server(backup: Manifest, environment: Mapping[str, str]) -> Server:
    """The server that will load it: named, or one on PATH. Raises Refused when none is known, or none reads it."""
    named = environment.get(RESTORED_SERVER, "")
    servers = [Server.parse(named)] if named else _on_path(backup, environment)
    if not servers:
        raise Refused(
            "nobody knows which server this is for, and not every one reads every copy",
            next_step=f"name it, such as --server {backup.source.product}-{backup.source.server_version}",
        )
    for each in servers:
        if each.reads(backup.data_format):
            return each
    names = " and ".join(map(str, servers))
    raise Refused(
        f"{names} cannot load {backup.data_format}, which {backup.id} of {backup.source.product.capitalize()} "
        f"{backup.source.server_version} is",
        next_step=f"use {backup.source.product.capitalize()} {backup.source.server_version} or later, and name it with "
        f"--server {backup.source.product}-{backup.source.server_version}",
    )


def _on_path(backup: Manifest, environment: Mapping[str, str]) -> list[Server]:
    """What is here, the product that the copy is of first."""
    found: list[Server] = []
    for product in sorted(PRODUCTS, key=lambda each: each != backup.source.product):
        program = shutil.which(f"{product}-server", path=environment.get("PATH"))
        if program is None:
            continue
        said = subprocess.run([program, "--version"], capture_output=True, timeout=_SECONDS, check=False, text=True)
        version = next((word[2:] for word in said.stdout.split() if word.startswith("v=")), "")
        if version:  # Valkey is installed under Redis's names as well
            name = "valkey" if said.stdout.startswith("Valkey") else "redis"
            found.append(Server.parse(f"{name}-{version}"))
    return found


def _term(size: int) -> Term:
    speed = REDIS_RESTORE_BYTES_PER_SECOND
    return Term(f"unpack and check {size:,} bytes", timedelta(seconds=size / speed.value), speed.basis)
