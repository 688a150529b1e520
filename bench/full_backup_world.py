"""A PostgreSQL with 2 GB of orders and an S3 by HTTPS, for `bench.full_backup`."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bench.full_backup_ours import BUCKET, REGION
from lab.machine import binaries
from lab.machine.addresses import POSTGRES_PORT, claim_block
from lab.machine.binaries import Postgres
from lab.machine.processes import Supervisor, wait_until
from lab.ultramarket.primary import Primary, database_uid
from recovery.names import ROLE_BACKUP
from tests.support.tls import certificate

KEY, SECRET = "bench", "bench-secret"
_HTTPS_PORT = 9444
# Compresses about five times, as the database of an earlier comparison did (docs/benchmarks.md).
_FILL = """
CREATE TABLE many AS SELECT n AS id, 'client-' || (random() * 1e5)::int AS client, md5(n::text) AS item,
  round((random() * 1000)::numeric, 2) AS price, now() - n * interval '1 s' AS placed,
  'shipped to warehouse ' || (random() * 500)::int || ', paid by card, ordered by phone; reference '
  || md5(random()::text) || ' ' || repeat('standard delivery within three days ', 4) AS note
FROM generate_series(1, {rows}) AS n
"""


@dataclass(frozen=True)
class World:
    """What runs, and what a client's environment needs to reach it."""

    folder: Path
    primary: Primary
    endpoint: str
    authority: Path

    @property
    def environment(self) -> dict[str, str]:
        """libpq's variables and the SDK's."""
        return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))} | {
            "PATH": f"{self.primary.postgres.bin}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": self.primary.address,
            "PGPORT": str(POSTGRES_PORT),
            "PGUSER": ROLE_BACKUP,
            "PGPASSWORD": self.primary.passwords[ROLE_BACKUP],
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CA_BUNDLE": str(self.authority),
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def s3(self) -> Any:
        """A boto3 client of the S3."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            verify=str(self.authority),
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )


@contextmanager
def world(weed: str, rows: int, *, postgres: Postgres | None = None) -> Iterator[World]:
    """Both servers, filled, as long as the block runs. PostgreSQL is the machine's own, which can compress, or that."""
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-bench-"))
    folder.chmod(0o755)
    block, supervisor = claim_block(), Supervisor(folder / "logs")
    try:
        programs = Path(json.loads(binaries.RECORD.read_text())["postgres"])
        primary = Primary(
            supervisor,
            postgres or Postgres(bin=programs, lib=programs.parent / "lib"),
            folder / "pg",
            block.primary,
            database_uid(),
        )
        primary.create()
        _fill(primary, rows)
        made = World(folder, primary, *s3_server(weed, folder, block.host(5), supervisor))
        made.s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        made.s3.create_bucket(Bucket="others")
        yield made
    finally:
        supervisor.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def _fill(primary: Primary, rows: int) -> None:
    hba = primary.data / "pg_hba.conf"
    hba.write_text("local all postgres trust\n" + hba.read_text())  # pgBackRest comes by the socket
    with primary.connect() as connection:
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(_FILL.format(rows=rows).encode())
        connection.execute("ALTER TABLE many ADD PRIMARY KEY (id)")
        connection.execute("ALTER SYSTEM SET max_wal_size = '64MB'")  # so that the folder is the data and little else
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(3):
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
        connection.execute("VACUUM FREEZE many")
        connection.execute("CHECKPOINT")


def s3_server(weed: str, folder: Path, host: str, supervisor: Supervisor) -> tuple[str, Path]:
    """SeaweedFS by HTTPS, below `folder`; its endpoint, and the authority that signed for it."""
    authority, chain = certificate(folder / "tls", [host])
    logins = folder / "logins.json"
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    logins.write_text(json.dumps({"identities": [{"name": "bench", "credentials": credentials, "actions": actions}]}))
    (folder / "objects").mkdir()
    # fmt: off
    argv = [
        weed, "server", f"-dir={folder / 'objects'}", f"-ip={host}", f"-ip.bind={host}", "-master.port=9433",
        "-volume.port=9480", "-volume.max=0", "-master.volumeSizeLimitMB=1024", "-filer", "-filer.port=9488", "-s3",
        "-s3.port=9443", f"-s3.port.https={_HTTPS_PORT}", f"-s3.key.file={chain}", f"-s3.cert.file={chain}",
        f"-s3.config={logins}",
    ]
    # fmt: on
    child = supervisor.start("s3", argv, env={"PATH": os.environ["PATH"], "HOME": str(folder)})
    wait_until(lambda: "Start Seaweed S3 API" in child.log.read_text(), timeout=90, what="SeaweedFS", alive=[child])
    wait_until(lambda: "+ filer" in child.log.read_text(), timeout=90, what="SeaweedFS's filer", alive=[child])
    return f"https://{host}:{_HTTPS_PORT}", authority
