"""A manifest of a backup that never was."""

from datetime import UTC, datetime, timedelta

from recovery.copies.manifest import Manifest, Part, Source
from recovery.names import backup_folder

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def manifest(run: str = "aaaa", *, epoch: int = 1, started: datetime = NOON, **changes: object) -> Manifest:
    folder = backup_folder("postgres", "full", epoch=epoch, source="77", started=started, run=run)
    made = Manifest(
        dataset="postgres",
        kind="full",
        id=f"{started:%Y%m%dT%H%M%SZ}-{run}",
        started=started,
        finished=started + timedelta(minutes=1),
        source=Source(
            site="prod", epoch=epoch, system_identifier="77", timeline=1, server_version="18.6", database="ultramarket"
        ),
        start_position="0/28",
        stop_position="0/120",
        parts=(Part(key=f"{folder}base.tar.zst", bytes=3, sha256="0" * 64, raw_bytes=9),),
        tools={},
        plan_digest="",
        retain_until=started + timedelta(days=7),
    )
    return made.model_copy(update=changes)


def of_redis(kind: str, *, started: datetime, epoch: int = 1, run: str = "aaaa", source: str = "a" * 40) -> Manifest:
    """Of a copy of Redis."""
    made = manifest(run, epoch=epoch, started=started, dataset="redis", kind=kind)
    made = made.model_copy(update={"source": made.source.model_copy(update={"system_identifier": source})})
    part = made.parts[0].model_copy(update={"key": f"{made.folder}dump.rdb.zst"})
    return made.model_copy(update={"parts": (part,), "retain_until": started + timedelta(days=1)})


def of_configuration(*, started: datetime, epoch: int = 1) -> Manifest:
    """Of a copy of configuration."""
    made = manifest(epoch=epoch, started=started, dataset="configuration")
    part = made.parts[0].model_copy(update={"key": f"{made.folder}1-objects.json.zst"})
    return made.model_copy(update={"parts": (part,)})


def full(age: timedelta, *, parts: int = 2, locked: timedelta = timedelta(days=7)) -> Manifest:
    """Of a full backup that began so long ago."""
    started = datetime.now(UTC).replace(microsecond=0) - age
    folder = backup_folder("postgres", "full", epoch=1, source="77", started=started, run="aaaa")
    keys = [f"{folder}part-{number:05d}" for number in range(parts)]
    return manifest(
        started=started,
        parts=tuple(Part(key=key, bytes=3, sha256="0" * 64, raw_bytes=9) for key in keys),
        retain_until=started + locked,
    )
