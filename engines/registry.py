"""Which engine makes which kind of copy. A new dataset, or a new kind of copy of one, registers here.

Its section of the plan is in `recovery/plan/datasets.py`. So is `SCHEDULED_TODAY`: what a stack really schedules, which
is what `dr status` watches and the writer's role may write. A line goes there with the CronJob in `infra/prod.py`.
"""

import shutil
from collections.abc import Mapping, Sequence

from engines.engine import Engine
from engines.postgres.full import PostgresFull
from engines.postgres.incremental import PostgresIncremental
from recovery.errors import Refused

_ALL: tuple[Engine, ...] = (PostgresFull(), PostgresIncremental())

ENGINES: dict[tuple[str, str], Engine] = {(engine.dataset, engine.kind): engine for engine in _ALL}
"""(dataset, kind) → engine. The first is the one that a command means when it is told nothing else."""


def engine_of(dataset: str, kind: str) -> Engine:
    """The engine. Raises Refused naming what there is."""
    found = ENGINES.get((dataset, kind))
    if found is None:
        raise Refused(f"{dataset} {kind} is nothing that can be backed up", next_step=f"name one of: {known()}")
    return found


def known() -> str:
    """Every (dataset, kind), for messages."""
    return ", ".join(f"{dataset} {kind}" for dataset, kind in ENGINES)


def require(
    engine: Engine, environment: Mapping[str, str], *, tools: Sequence[str] = (), settings: Sequence[str] = ()
) -> None:
    """Raises Refused naming every program that is not on PATH and every environment variable that is not set."""
    path = environment.get("PATH")
    missing = [f"{tool} on PATH" for tool in tools if shutil.which(tool, path=path) is None]
    missing += [f"{name} in the environment" for name in settings if not environment.get(name)]
    if missing:
        raise Refused(
            f"{engine.dataset} {engine.kind} needs {' and '.join(missing)}",
            next_step="use the dr-runner image, or install and set what is missing here",
        )
