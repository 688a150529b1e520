"""Of every dataset: how each kind of copy of it is made, how it is brought back, how its log is followed.

A new dataset, or a new kind of copy of one, registers here. Its section of the plan is in `recovery/plan/datasets.py`.
So is `SCHEDULED_TODAY`: what a stack really schedules, which is what `dr status` watches and the writer's role may
write. A line goes there with the CronJob in `infra/prod.py`.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engines.configuration.full import ConfigurationFull
from engines.configuration.restore_order import ConfigurationRestore
from engines.engine import Engine
from engines.files.full import FilesFull
from engines.files.restore_order import FilesRestore
from engines.mongo.dump import MongoFull
from engines.mongo.log import MongoLog
from engines.mongo.restore_order import MongoRestore
from engines.postgres.full import PostgresFull
from engines.postgres.incremental import PostgresIncremental
from engines.postgres.log import PostgresLog
from engines.postgres.restore_order import PostgresRestore
from engines.redis.restore_order import RedisRestore
from engines.redis.snapshot import RedisSnapshot
from engines.restoring import Restore
from engines.shipping import Log
from recovery.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A dataset: an engine for each kind of copy, and what not every dataset has."""

    copies: tuple[Engine, ...]
    restore: Restore[Any] | None = None
    log: Log | None = None


DATASETS: dict[str, Registered] = {
    "postgres": Registered(
        copies=(PostgresFull(), PostgresIncremental()), restore=PostgresRestore(), log=PostgresLog()
    ),
    "mongo": Registered(copies=(MongoFull(),), restore=MongoRestore(), log=MongoLog()),
    "redis": Registered(copies=(RedisSnapshot("snapshot"), RedisSnapshot("full")), restore=RedisRestore()),
    "files": Registered(copies=(FilesFull(),), restore=FilesRestore()),
    "configuration": Registered(copies=(ConfigurationFull(),), restore=ConfigurationRestore()),
}
"""The first copy of the first is the one that a command means when it is told nothing else."""


def engines() -> tuple[Engine, ...]:
    """Those of all datasets."""
    return tuple(engine for each in DATASETS.values() for engine in each.copies)


def engine_of(dataset: str, kind: str) -> Engine:
    """The engine. Raises Refused naming what there is."""
    for engine in engines():
        if (engine.dataset, engine.kind) == (dataset, kind):
            return engine
    there = ", ".join(f"{engine.dataset} {engine.kind}" for engine in engines())
    raise Refused(f"{dataset} {kind} is nothing that can be backed up", next_step=f"name one of: {there}")


def restore_of(dataset: str) -> Restore[Any]:
    """How the dataset is brought back. Raises Refused naming what there is."""
    restore = DATASETS[dataset].restore if dataset in DATASETS else None
    if restore is None:
        there = ", ".join(name for name, each in DATASETS.items() if each.restore)
        raise Refused(f"{dataset} is nothing that can be restored", next_step=f"name one of: {there}")
    return restore


def log_of(dataset: str) -> Log:
    """How the dataset's log is followed. Raises Refused naming what there is."""
    followed = logs()
    if dataset not in followed:
        raise Refused(f"{dataset} has no log that can be shipped", next_step=f"name one of: {', '.join(followed)}")
    return followed[dataset]


def logs() -> dict[str, Log]:
    """By dataset, of every one whose log is followed."""
    return {name: each.log for name, each in DATASETS.items() if each.log}


def require(
    what: str, environment: Mapping[str, str], *, tools: Sequence[str] = (), settings: Sequence[str] = ()
) -> None:
    """Raises Refused naming every program that is not on PATH and every environment variable that is not set, which
    `what` needs."""
    path = environment.get("PATH")
    missing = [f"{tool} on PATH" for tool in tools if shutil.which(tool, path=path) is None]
    missing += [f"{name} in the environment" for name in settings if not environment.get(name)]
    if missing:
        raise Refused(
            f"{what} needs {' and '.join(missing)}",
            next_step="use the dr-runner image, or install and set what is missing here",
        )
