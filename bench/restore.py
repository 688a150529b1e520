"""A restore of PostgreSQL beside pgBackRest's, and what a file of the log costs PostgreSQL's restore_command.

    uv run python -m bench.restore [--rounds 3] [--rows 5500000]

Needs what `bench.full_backup` needs. Ours checks every object and file, starts the server and replays the backup's log;
pgBackRest's copies the files and leaves that to whoever starts it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench.full_backup import Took, emptied, left_out, measure, pgbackrest_command
from bench.full_backup_ours import BUCKET, REGION
from bench.full_backup_world import world
from bench.row import Row
from cloud.objects import S3Bucket
from engines.postgres.restore_order import plan_restore
from engines.postgres.unpack import Place
from engines.postgres.wal_server import Source, serving
from operations.copies.restore import execute
from operations.copies.verify import find
from recovery.copies.log import SEGMENT_BYTES, wal_name
from recovery.copies.recovery_target import Target

_ALONE = "ours"
_FILES = 40


def main() -> None:
    """Print everything as JSON; with a folder, restore into it, as `dr restore` does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=5_500_000)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.into:
        _restore(options.into)
        return
    for name, took in measured(options.rounds, options.rows).items():
        seconds = [round(each, 2) for each in took.seconds]
        print(name, json.dumps({"best": min(seconds), "rounds": seconds, "cpu": round(took.cpu, 2)}))
    print("restore_command, s a file", round(command_seconds(), 4))


def rows() -> list[Row]:
    """Ratios of the fastest rounds; none where the others are not installed."""
    replay = SEGMENT_BYTES / 195e6  # what PostgreSQL takes to replay one
    found = [
        Row(
            name="restore_command / replay of a file, s",
            ours=round(command_seconds(), 4),
            reference=round(replay, 4),
            goal="ratio ≤ 0.5",
        )
    ]
    if left_out():
        return found
    took = measured(rounds=3, rows=5_500_000)
    found.append(
        Row(
            name="restore with verification and replay / pgBackRest's restore, s",
            ours=took[_ALONE].best,
            reference=took["pgbackrest"].best,
            goal="ratio ≤ 1.1",
        )
    )
    return found


def measured(rounds: int, rows: int) -> Mapping[str, Took]:
    """Each once a round, in turn, of the same database in the same S3."""
    weed, pgbackrest = shutil.which("weed"), shutil.which("pgbackrest")
    if not weed or not pgbackrest:
        raise SystemExit("not on PATH: weed or pgbackrest; see --help")
    with world(weed, rows) as made:
        back = pgbackrest_command(made, pgbackrest)
        ours = [sys.executable, "-m", "bench.full_backup_ours", "primary", str(made.folder)]
        for argv in (ours, [*back, "--compress-type=zst", "--compress-level=1", "--type=full", "backup"]):
            subprocess.run(argv, env=made.environment, check=True)
        into = made.folder / "ours" / "data"
        into.parent.mkdir()
        if made.primary.uid is not None:
            os.chown(into.parent, made.primary.uid, made.primary.uid)
        took = {_ALONE: Took(), "pgbackrest": Took()}
        for _ in range(rounds):
            shutil.rmtree(into, ignore_errors=True)
            measure(took[_ALONE], lambda: [sys.executable, "-m", "bench.restore", f"--into={into}"], made.environment)
            target = emptied(made.folder / "restored")
            measure(took["pgbackrest"], lambda to=target: [*back, f"--pg1-path={to}", "restore"], made.environment)
        return took


def _restore(into: Path) -> None:
    store, environment = S3Bucket(BUCKET, REGION), dict(os.environ)
    _, newest = find(store, "latest", now=datetime.now(UTC))
    order = plan_restore(store, Target.parse(newest.id), into, environment=environment)
    done = execute(store, order, environment=environment, owner=into.parent.stat().st_uid or None)
    print(dict(done.seconds), file=sys.stderr)


def command_seconds() -> float:
    """What asking for one file takes, beside the copying: from PostgreSQL's shell to its end."""
    with tempfile.TemporaryDirectory() as folder:
        names = [wal_name(1, number * SEGMENT_BYTES) for number in range(_FILES)]
        source = Source(fetch=lambda _: b"x", order=names)
        with serving(source, Place(folder=Path(folder))) as (_, command):
            begun = time.monotonic()
            for name in names:
                line = command.replace("%f", name).replace("%p", f"{folder}/got")
                subprocess.run(["/bin/sh", "-c", line], check=True)
            return (time.monotonic() - begun) / _FILES


if __name__ == "__main__":
    main()
