"""A dump of MongoDB beside a bare read of the same collections by cursors, which throws away what it gets.

    uv run python -m bench.mongo [--rounds 3]

The server is the tests' stand-in, in its own process; the dump goes into files, compressed and checked. Also prints the
peak of a dump's memory, which is measured in a process of its own.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from bench.redis import File
from bench.row import Row
from engines.engine import Folder
from engines.mongo.dump import MongoFull
from engines.mongo.listing import IMAGES
from lab.machine.addresses import claim_block
from lab.machine.processes import Supervisor
from lab.ultramarket.mongo_server import MongoServer
from recovery.plan.loading import load_plan

_DATABASE = "ultramarket"
_COLLECTIONS = {"orders": (60_000, 100), "products": (6_000, 600), "pictures": (8, 500_000)}
"""How many documents of how many words."""
_LIMIT = timedelta(minutes=10)
_LAG = timedelta(seconds=10)


def main() -> None:
    """Print everything as JSON; with `--once URL FILE` make one dump and print the peak of memory in MiB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        _ours({"MONGO_URL": given.once[0]}, Path(given.once[1]))
        print(_peak())
        return
    for name, found in measured(given.rounds).items():
        print(name, json.dumps([round(each, 2) for each in found]))


def rows() -> list[Row]:
    """The fastest rounds."""
    took = {name: round(min(found), 2) for name, found in measured(rounds=3).items()}
    return [
        Row(name="dump of MongoDB / bare cursors, s", ours=took["ours"], reference=took["cursors"], goal="ratio ≤ 1.2"),
        Row(name="memory of a dump of MongoDB, MiB", ours=took["MiB"], reference=150, goal="≤ 150"),
    ]


def measured(rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, in turn, and MiB."""
    block = claim_block()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        supervisor = Supervisor(folder / "logs")
        server = MongoServer(supervisor, folder / "mongo", block.host(70), "mongo").start()
        try:
            took: dict[str, list[float]] = {"ours": [], "cursors": [], "MiB": []}
            with server.client() as client:
                _fill(client[_DATABASE])
                for _ in range(rounds):
                    took["ours"].append(_ours(server.environment, folder / "copy"))
                    took["cursors"].append(_cursors(client[_DATABASE]))
            command = [sys.executable, "-m", "bench.mongo", "--once", server.url, str(folder / "copy")]
            said = subprocess.run(command, capture_output=True, check=True, timeout=_LIMIT.total_seconds())
            took["MiB"].append(float(said.stdout))
            return took
        finally:
            supervisor.stop_all()
            block.release()


def _fill(database: Any) -> None:
    noise = random.Random(1)  # noqa: S311
    words = [noise.randbytes(4).hex() for _ in range(4000)]
    for name, (count, length) in _COLLECTIONS.items():
        database.create_collection(name, **{IMAGES: {"enabled": True}})
        for start in range(0, count, 1000):
            numbers = range(start, min(start + 1000, count))
            database[name].insert_many(
                [{"_id": number, "text": " ".join(noise.choices(words, k=length))} for number in numbers]
            )


def _ours(environment: dict[str, str], path: Path) -> float:
    engine, begun = MongoFull(), time.monotonic()
    origin = engine.look(load_plan(Path("recovery.yaml")).datasets.mongo, environment, replica_lag=_LAG)
    folder = Folder(store=cast("Any", File(path)), prefix="mongo/", retain_until=datetime.now(UTC))
    engine.copy(origin, folder, environment | dict(origin.server), time_limit=_LIMIT)
    return time.monotonic() - begun


def _cursors(database: Any) -> float:
    begun = time.monotonic()
    for name in _COLLECTIONS:
        for _ in database[name].find_raw_batches():
            pass
    return time.monotonic() - begun


def _peak() -> int:
    # Not getrusage: its figure is handed on from the process that started this one.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


if __name__ == "__main__":
    main()
