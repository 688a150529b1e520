"""A PostgreSQL of a measurement's own, on loopback addresses of its own; nothing of it is left at the end."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.machine import binaries
from lab.machine.addresses import Block, claim_block
from lab.machine.binaries import Postgres
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import Primary, database_uid


@dataclass(frozen=True, kw_only=True)
class OwnPrimary:
    """What a measurement may start more in; `supervisor` ends it all."""

    primary: Primary
    block: Block
    folder: Path
    supervisor: Supervisor


@contextmanager
def own_primary(changed: Callable[[Postgres, Path], Postgres] = lambda programs, _: programs) -> Iterator[OwnPrimary]:
    """A primary as UltraMarket runs it, started and empty. `changed`: its programs as they shall run, by those that are
    there and a folder for more."""
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-bench-"))
    folder.chmod(0o755)
    block, supervisor = claim_block(), Supervisor(folder / "logs")
    try:
        programs = binaries.copy_postgres(folder / "programs")
        primary = Primary(supervisor, changed(programs, folder), folder / "primary", block.primary, database_uid())
        primary.create()
        yield OwnPrimary(primary=primary, block=block, folder=folder, supervisor=supervisor)
    finally:
        supervisor.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
        block.release()
