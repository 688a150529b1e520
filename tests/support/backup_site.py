"""A site with PostgreSQL, a bucket and a lease, as the tests about copies want it."""

import os
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy2, copytree
from typing import Any, cast

import pytest

from cloud.objects import S3Bucket
from engines.engine import Engine, Verdict
from engines.postgres.full import PostgresFull
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import DATABASE, Primary, database_uid
from operations.copies.backup import Made, Order, back_up
from operations.copies.verify import verify
from recovery.names import ROLE_BACKUP
from recovery.plan.loading import load_plan
from recovery.plan.plan import SiteName
from tests.support.clients import client, make_bucket
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import ROOT
from tests.support.postgres_versions import oldest_postgres


@dataclass
class Site:
    """Everything one backup needs; tests replace what they want to break."""

    primary: Primary
    store: S3Bucket
    s3: Any
    scratch: Path
    leases: FakeLeases = field(default_factory=lambda: FakeLeases(held_lease()))
    before: str = ""  # a folder in front of PATH
    database: str = DATABASE
    site: SiteName = "prod"
    more: dict[str, str] = field(default_factory=dict[str, str])  # variables

    @property
    def major(self) -> int:
        """Of its PostgreSQL."""
        said = subprocess.check_output([self.primary.postgres.bin / "postgres", "--version"], text=True)
        return int(said.split()[2].split(".")[0])

    @property
    def environment(self) -> dict[str, str]:
        """libpq's variables, as a Pod has them."""
        return {
            "PATH": os.pathsep.join(filter(None, [self.before, str(self.primary.postgres.bin), "/usr/bin:/bin"])),
            "PGHOST": self.primary.address,
            "PGPORT": str(POSTGRES_PORT),
            "PGUSER": ROLE_BACKUP,
            "PGPASSWORD": self.primary.passwords[ROLE_BACKUP],
            **self.more,
        }

    def back_up(self, engine: Engine | None = None, *, time_limit: timedelta = timedelta(minutes=2)) -> Made:
        """One backup, a full one unless an engine says otherwise."""
        section = load_plan(ROOT / "recovery.yaml").datasets.postgres
        order = Order(
            site=self.site,
            into=self.site,
            section=section.model_copy(update={"database": self.database}),
            plan_digest="0" * 64,
            keep=timedelta(days=7),
            time_limit=time_limit,
            longest=timedelta(hours=26),
            replica_lag=timedelta(seconds=10),
            run=secrets.token_hex(4),
            program_version="test",
        )
        return back_up(
            engine or PostgresFull(),
            self.store,
            self.leases,
            order,
            # As the command: of this process, where a test may have changed one.
            environment=self.environment | {name: value for name, value in os.environ.items() if name.startswith("PG")},
            clock=lambda: datetime.now(UTC),
        )

    def check(self, wanted: str = "latest") -> Verdict:
        """`dr verify`, without the command."""
        now = datetime.now(UTC)
        return verify(self.store, wanted, environment=self.environment, scratch=self.scratch, now=now)[2]

    def object_keys(self) -> list[str]:
        """Of all current objects in the bucket."""
        return [item.key for item in self.store.list("")]

    def unfinished_uploads(self) -> list[str]:
        """Multipart uploads that were neither completed nor aborted."""
        return [each["Key"] for each in self.s3.list_multipart_uploads(Bucket=self.store.bucket).get("Uploads", [])]

    def rewrite(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Put another version of an object in front, as somebody with write access could."""
        body = self.s3.get_object(Bucket=self.store.bucket, Key=key)["Body"].read()
        self.s3.put_object(Bucket=self.store.bucket, Key=key, Body=change(body))

    def with_program(self, folder: Path, name: str, script: str) -> "Site":
        """The same site where `name` is a shell script; $REAL is the true program."""
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_text(f"#!/bin/sh\nREAL={self.primary.postgres.bin / name}\n{script}\n")
        program.chmod(0o755)
        return replace(self, before=str(folder))


@pytest.fixture(scope="session")
def backup_source(postgres_template: Primary, database_folder: Path, block: Block, supervisor: Supervisor) -> Site:
    """A site whose PostgreSQL, with some orders in it, runs as long as the session. It has no bucket yet."""
    folder, uid = database_folder / "backup-source", postgres_template.uid
    copytree(postgres_template.folder, folder, copy_function=copy2)
    address = block.host(32)  # beside the primary that other tests start and kill
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"listen_addresses = '{address}'\n")
    if uid is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid)
    primary = replace(postgres_template, supervisor=supervisor, folder=folder, address=address, name="backup-source")
    primary.start()
    return _with_orders(primary)


@pytest.fixture(scope="session")
def oldest_source(database_folder: Path, block: Block, supervisor: Supervisor) -> Site:
    """The same on the oldest PostgreSQL that is supported and to be had."""
    primary = Primary(
        supervisor=supervisor,
        postgres=oldest_postgres(database_folder / "oldest-programs"),
        folder=database_folder / "oldest-source",
        address=block.host(33),
        uid=database_uid(),
        name="oldest-source",
    )
    primary.create()
    with primary.connect() as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
    return _with_orders(primary)


@pytest.fixture(scope="session", params=["newest", "oldest"])
def each_source(request: pytest.FixtureRequest) -> Site:
    """First PostgreSQL's newest supported version, then its oldest."""
    return request.getfixturevalue({"newest": "backup_source", "oldest": "oldest_source"}[request.param])


def _with_orders(primary: Primary) -> Site:
    with primary.connect() as connection:
        connection.execute("INSERT INTO orders SELECT 'order-' || n, 'test' FROM generate_series(1, 20000) AS n")
    return Site(primary, cast("S3Bucket", None), None, Path())


def site_with_bucket(site: Site, aws: Aws, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """`site` with a locked bucket of its own in production's region, and this process's environment set up for it."""
    for name, value in (aws.env("prod") | site.environment).items():
        monkeypatch.setenv(name, value)
    folder = scratch / "scratch"
    folder.mkdir()
    s3 = client(aws, "s3", "prod")
    bucket = make_bucket(s3, "copies", "us-east-1", locked=True)
    return replace(site, store=S3Bucket(bucket, "us-east-1"), s3=s3, scratch=folder)
