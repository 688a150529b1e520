"""What following the log costs, and how soon a commit is in the bucket: `dr ship-log postgres` in a process of its own,
beside pgbench, with the lab's stand-in for S3.

    uv run python -m bench.log [--seconds 15] [--commits 2000]

Lag is seen from outside: the server's flush position, and what the bucket lists. The stand-in, pgbench and PostgreSQL
share the machine with the shipper.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import boto3

from bench.own_primary import own_primary
from bench.row import Row
from cloud.control_table import ControlTable
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import ROOT, Aws, start_aws
from lab.machine.addresses import POSTGRES_PORT
from lab.machine.processes import Child
from lab.story.log_lag import end_of_log, quantile
from lab.ultramarket.primary import Primary
from operations.monitoring.postgres_log import look_at_log
from recovery.copies.log import PREFIX, Line, Segment
from recovery.lease.lease import Lease, parse_lsn
from recovery.names import ROLE_REPLICATION, Names
from recovery.plan.loading import load_plan
from recovery.site.capacity import SHIPPER_ALLOCATOR
from tests.support.fakes import FakeBucket

_ACCOUNT, _REGION = "123456789012", "us-west-2"
_GOAL_P50, _GOAL_P99, _GOAL_MEBIBYTES = 1.0, 2.0, 60.0
_COMMIT = "INSERT INTO bench_log VALUES (:client_id, now(), repeat('x', 100));\n"


def main() -> None:
    """Print all that was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--commits", type=int, default=2000)
    options = parser.parse_args()
    print(json.dumps(measured(options.seconds, options.commits) | looking(), indent=1))


def rows() -> list[Row]:
    """Lag, memory and cost beside their goals, and looking at a long log beside a short one."""
    found = measured(seconds=15, commits=2000) | looking()
    return [
        Row(name="log: commit to bucket, p50, s", ours=found["p50"], reference=_GOAL_P50, goal="ratio ≤ 1"),
        Row(name="log: commit to bucket, p99, s", ours=found["p99"], reference=_GOAL_P99, goal="ratio ≤ 1"),
        Row(name="log: shipper's memory, MiB", ours=found["mebibytes"], reference=_GOAL_MEBIBYTES, goal="ratio ≤ 1"),
        Row(name="log: pgbench, tps", ours=found["tps_with"], reference=found["tps_without"], goal="ratio ≥ 0.9"),
        Row(name="log: requests to look at 10^6 segments", ours=found["looks_1000000"], reference=found["looks_1000"],
            goal="ratio 1"),
    ]  # fmt: skip


def looking() -> dict[str, Any]:
    """Requests (pages of 1,000 keys) that `dr status` makes for the log, by how many segments there are."""
    found: dict[str, Any] = {}
    for segments in (10**3, 10**6):
        store = _Counting(segments)
        began = time.monotonic()
        look_at_log(store)
        found[f"looks_{segments}"] = store.requests
        found[f"look_seconds_{segments}"] = round(time.monotonic() - began, 4)
    return found


class _Counting(FakeBucket):
    """A bucket with so many segments, its keys in order as S3 keeps them, that counts requests."""

    def __init__(self, segments: int) -> None:
        super().__init__("bench")
        self.requests = 0
        line = Line(1, "7", 1)
        size = 16 * 1024 * 1024
        self.segments = [Segment(line, number * size, (number + 1) * size).key for number in range(segments)]
        position = {
            "epoch": 1, "system": "7", "timeline": 1, "segment_bytes": size, "start": 0, "end": segments * size,
            "at": "2026-11-30T00:00:00Z",
        }  # fmt: skip
        self.objects["pointers/postgres/log/00000001.json"] = json.dumps(position).encode()

    def get(self, key: str) -> tuple[bytes, str] | None:
        self.requests += 1
        return super().get(key)

    def list(self, prefix: str, *, after: str = "") -> Any:
        """Counts a page for each 1,000 keys that are looked at."""
        if prefix and self.segments[0].startswith(prefix):
            self.requests += 1 + len(self.segments) // 1000
        self.requests += 1
        return super().list(prefix, after=after)


def measured(seconds: int, commits: int) -> dict[str, Any]:
    """On a PostgreSQL, a bucket and a shipper of our own."""
    with own_primary() as own:
        with own.primary.connect() as connection:
            connection.execute("CREATE TABLE bench_log (client int, at timestamptz, text text)")
        aws = start_aws(own.supervisor, own.block, own.folder)
        bucket = _prepare(aws)
        return _measure(own.primary, aws, bucket, own.folder, seconds, commits)


def _measure(primary: Primary, aws: Aws, bucket: str, folder: Path, seconds: int, commits: int) -> dict[str, Any]:
    script = folder / "commit.sql"
    script.write_text(_COMMIT)
    without = _tps(_pgbench(primary, script, seconds))
    shipper = _start(primary, aws)
    lag = _Lag(primary, aws, bucket)
    lag.wait_for_all()
    lag.lags.clear()
    _pgbench(primary, script, seconds, f"--rate={commits}")
    lag.wait_for_all()
    lags = sorted(lag.lags)
    full = _tps(_pgbench(primary, script, seconds))
    before, began = lag.position(), time.monotonic()
    lag.wait_for_all()
    drained = time.monotonic() - began
    lag.stop()
    status = Path(f"/proc/{shipper.process.pid}/status").read_text()
    return {
        "commits_per_second": commits,
        "samples": len(lags),
        "p50": round(quantile(lags, 0.5), 3),
        "p99": round(quantile(lags, 0.99), 3),
        "longest": round(lags[-1], 3),
        "tps_without": round(without),
        "tps_with": round(full),
        "behind_at_full_speed_seconds": round(drained, 2),
        "log_bytes": before,
        "mebibytes": round(int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024, 1),
        "mebibytes_now": round(int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024, 1),
    }


def _prepare(aws: Aws) -> str:
    """The bucket and the lease."""
    names = Names(load_plan(ROOT / "recovery.yaml"), _ACCOUNT)
    s3 = _client(aws, "s3")
    bucket = names.backup_bucket("dr")
    s3.create_bucket(
        Bucket=bucket, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": _REGION}
    )
    dynamodb = _client(aws, "dynamodb")
    dynamodb.create_table(
        TableName=names.control_table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    lease = Lease(site="prod", epoch=1, state="held", lease_seconds=30, margin_seconds=2, holder_run="bench")
    DynamoLeaseStore(ControlTable(names.control_table, {_REGION: dynamodb})).create(lease)
    return bucket


def _client(aws: Aws, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=aws.endpoint("operator"),
        region_name=_REGION,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",  # noqa: S106
    )


def _start(primary: Primary, aws: Aws) -> Child:
    environment = {
        **os.environ,
        **aws.env("prod"),
        **SHIPPER_ALLOCATOR,
        "PGHOST": primary.address,
        "PGPORT": str(POSTGRES_PORT),
        "PGUSER": ROLE_REPLICATION,
        "PGPASSWORD": primary.passwords[ROLE_REPLICATION],
        "DR_ACCOUNT": _ACCOUNT,
        "DR_SITE": "prod",
    }
    command = [str(Path(sys.executable).with_name("dr")), "ship-log", "postgres"]
    return aws.supervisor.start("shipper", command, env=environment, cwd=ROOT)


def _pgbench(primary: Primary, script: Path, seconds: int, *more: str) -> str:
    environment = {**os.environ, **primary.postgres.env(), "PGPASSWORD": primary.passwords["postgres"]}
    argv = [
        str(primary.postgres.bin / "pgbench"), "-h", primary.address, "-U", "postgres", "-n", "-f", str(script),
        "-c", "8", "-j", "2", "-M", "prepared", "-T", str(seconds), *more, "ultramarket",
    ]  # fmt: skip
    return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout


def _tps(said: str) -> float:
    return float(re.findall(r"tps = ([\d.]+)", said)[0])


class _Lag:
    """Looks at server and bucket in a thread of its own."""

    def __init__(self, primary: Primary, aws: Aws, bucket: str) -> None:
        self.lags: list[float] = []
        self._primary, self._bucket, self._s3 = primary, bucket, _client(aws, "s3")
        self._waiting: list[tuple[float, int]] = []
        self._end = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def position(self) -> int:
        """The server's, flushed."""
        with self._primary.connect() as connection:
            row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        return parse_lsn(row[0]) if row else 0

    def wait_for_all(self) -> None:
        """Until the bucket has what the server has now. Raises TimeoutError."""
        wanted, deadline = self.position(), time.monotonic() + 120
        while self._end < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError("the log did not get into the bucket")
            self._stopped.wait(0.02)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(10)

    def _run(self) -> None:
        with self._primary.connect() as connection:
            while not self._stopped.wait(0.05):
                row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
                at, position = time.monotonic(), parse_lsn(row[0]) if row else 0
                if not self._waiting or position > self._waiting[-1][1]:
                    self._waiting.append((at, position))
                pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PREFIX)
                end = end_of_log(item["Key"] for page in pages for item in page.get("Contents", ()))
                seen = time.monotonic()
                self.lags += [seen - since for since, wanted in self._waiting if wanted <= end]
                self._waiting = [each for each in self._waiting if each[1] > end]
                self._end = end


if __name__ == "__main__":
    main()
