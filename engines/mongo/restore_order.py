"""What a restore of MongoDB will take and do: one dump, into an empty deployment, and the log that makes it one
moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engines.mongo.connection import connected
from engines.mongo.restore import NOT_IN_IT, Restored, restore
from engines.mongo.restore_point import choose_point
from engines.mongo.target import require_target, target_address
from engines.restoring import RestoreOrder, Size, archived_of, objects_of
from recovery.copies.log_times import shown, written
from recovery.copies.manifest import Manifest
from recovery.copies.moments import moment_of
from recovery.copies.mongo_log_way import Choice
from recovery.errors import Refused
from recovery.measured import (
    MONGO_REPLAY_BYTES_PER_SECOND,
    MONGO_RESTORE_BYTES_PER_SECOND,
    MONGO_VERIFY_BYTES_PER_SECOND,
)
from recovery.ports.buckets import RestoreBucket
from recovery.term import Term
from recovery.units import read_duration

_DATASET = "mongo"


@dataclass(frozen=True, kw_only=True)
class Order(RestoreOrder):
    """The dump that is taken, and who will have it; `log`: what is replayed onto it, None where there is none. `asked`:
    the moment that was asked for. `reachable`: what could be restored, for people."""

    backup: Manifest
    server: str
    asked: datetime | None
    reachable: str
    log: Choice | None = None

    @property
    def window(self) -> str:
        """What could be restored, for people."""
        return self.reachable

    def room(self, size: Size) -> str:
        """Of a deployment's disk nobody but its own server knows."""
        return f"needs about {size(self.disk_bytes)} and its indexes"

    def rows(self, size: Size) -> list[tuple[str, str]]:
        """The dump, the deployment, and what is in no copy."""
        backup = self.backup
        documents = sum(backup.documents.values())
        return [
            (
                "take",
                f"{backup.kind} {backup.id}, {documents:,} documents, {size(backup.raw_bytes)}, of MongoDB "
                f"{backup.source.server_version}",
            ),
            *self._moment_rows(),
            ("database", f"{backup.source.database}, in {self.server}"),
            *(("not in it", each) for each in NOT_IN_IT),
        ]

    def _moment_rows(self) -> list[tuple[str, str]]:
        backup, moment = self.backup, moment_of(self.backup)
        if self.log:
            words = f"{len(self.log.held):,} objects of the log, from {backup.start_position} on"
            return [("replay", words), ("as of", f"everything before {shown(self.log.position)}")]
        before = f", {read_duration(self.asked - moment)} before what was asked for" if self.asked else ""
        read = f"read between {backup.start_position} and {backup.stop_position}"
        return [("as of", f"{moment:%Y-%m-%d %H:%M:%S} UTC{before}; {read}, which only a log makes one moment")]

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "reached": written(self.log.position) if self.log else None,
            "backup": self.backup.id,
            "as_of": moment_of(self.backup).isoformat(),
            "start_position": self.backup.start_position,
            "stop_position": self.backup.stop_position,
            "database": self.backup.source.database,
            "documents": sum(self.backup.documents.values()),
        }


class MongoRestore:
    """One dump, into a deployment."""

    dataset = _DATASET
    programs: tuple[str, ...] = ()

    def place(self, named: str) -> str:
        """An address."""
        return named

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: str,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> Order:
        """Look at the bucket and the deployment. `incrementals`: there are none."""
        if standby:
            raise Refused(
                "a dump of MongoDB is no member of a replica set", next_step="restore it without --as-standby"
            )
        address = target_address(into, environment)
        chosen = choose_point(store, to)
        backup = chosen.backup
        with connected(address) as client:
            found = require_target(client, address, backup, environment)
        objects = [*objects_of(store, backup), *chosen.objects]
        return Order(
            dataset=_DATASET,
            to=to,
            into=into,
            objects=len(objects),
            stored_bytes=sum(each.bytes for each in objects),
            disk_bytes=backup.raw_bytes,
            disk_free=0,
            terms=_terms(backup.raw_bytes, sum(each.bytes for each in chosen.objects)),
            archived=archived_of(store, objects),
            passed_over=chosen.passed_over,
            backup=backup,
            reachable=chosen.window,
            log=chosen.log,
            server=f"MongoDB {found.version}, {found.set_name} at {address}",
            asked=chosen.asked,
        )

    def owner_of(self, into: str, wanted: str) -> int | None:
        """A deployment's server owns its files. Raises Refused for anybody else."""
        if wanted:
            raise Refused("a MongoDB deployment owns its own files", next_step="restore it without --owner")
        return None

    def execute(
        self,
        store: RestoreBucket,
        order: Order,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> Restored:
        """See `engines.mongo.restore`."""
        address = target_address(str(order.into), environment)
        return restore(store, order.backup, address, environment=environment, log=order.log, heard=heard)


def _terms(size: int, log: int) -> tuple[Term, ...]:
    check, write, replay = MONGO_VERIFY_BYTES_PER_SECOND, MONGO_RESTORE_BYTES_PER_SECOND, MONGO_REPLAY_BYTES_PER_SECOND
    replayed = Term(f"replay {log:,} bytes of the log", timedelta(seconds=log / replay.value), replay.basis)
    return (
        Term(f"read and check {size:,} bytes", timedelta(seconds=size / check.value), check.basis),
        Term(f"write {size:,} bytes and their indexes", timedelta(seconds=size / write.value), write.basis),
        *([replayed] if log else []),
    )
