"""A site with MongoDB, a bucket and a lease, as the tests about its copies want it."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from cloud.objects import S3Bucket
from engines.engine import Engine, Verdict
from engines.mongo.restore import Restored
from engines.mongo.restore_order import MongoRestore, Order
from engines.registry import engine_of
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor
from lab.ultramarket.mongo_server import MongoServer
from operations.copies import backup
from operations.copies.backup import Made, back_up
from operations.copies.restore import execute, plan_restore
from operations.copies.verify import verify
from recovery.plan.loading import load_plan
from recovery.plan.plan import SiteName
from tests.support.clients import client, make_bucket
from tests.support.fakes import FakeLeases, held_lease
from tests.support.mongo_relay import MongoRelay, relaying
from tests.support.plans import ROOT
from tests.support.restore_site import Stock

DATABASE = "ultramarket"


@dataclass
class MongoSite:
    """Everything one backup needs; tests replace what they want to break."""

    server: MongoServer
    store: Any = None
    s3: Any = None
    leases: FakeLeases = field(default_factory=lambda: FakeLeases(held_lease()))
    site: SiteName = "prod"
    more: Mapping[str, str] = field(default_factory=dict[str, str])  # variables
    database: str = DATABASE

    @property
    def environment(self) -> dict[str, str]:
        """Variables as a Pod has them."""
        return {"PATH": "/usr/bin:/bin", **self.server.environment, **self.more}

    def back_up(self, *, time_limit: timedelta = timedelta(minutes=2)) -> Made:
        """One backup."""
        order = backup.Order(
            site=self.site,
            into=self.site,
            section=load_plan(ROOT / "recovery.yaml").datasets.mongo.model_copy(update={"database": self.database}),
            plan_digest="0" * 64,
            keep=timedelta(days=1),
            time_limit=time_limit,
            longest=timedelta(hours=26),
            replica_lag=timedelta(seconds=10),
            run=secrets.token_hex(4),
            program_version="test",
        )
        return back_up(
            self.engine(),
            self.store,
            self.leases,
            order,
            environment=self.environment,
            clock=lambda: datetime.now(UTC),
        )

    def engine(self) -> Engine:
        """Of its only kind of copy."""
        return engine_of("mongo", "full")

    def check(self, wanted: str = "latest") -> Verdict:
        """`dr verify`, without the command."""
        return verify(
            self.store,
            wanted,
            dataset="mongo",
            kind="full",
            environment=self.environment,
            scratch=Path(),
            now=datetime.now(UTC),
        )[2]

    def plan(self, into: str, to: str = "latest", **environment: str) -> Order:
        """`dr restore mongo`, without the command."""
        variables = self.environment | environment
        return MongoRestore().plan(
            cast("Any", self.store), to, into, environment=variables, incrementals=True, standby=False
        )

    def restore(self, into: str, to: str = "latest", **environment: str) -> Restored:
        """`dr restore mongo --execute`, without the command."""
        variables = self.environment | environment
        order = plan_restore(cast("Any", self.store), "mongo", to, into, environment=variables)
        done = execute(cast("Any", self.store), order, environment=variables, owner=None)
        assert isinstance(done, Restored)
        return done

    def object_keys(self) -> list[str]:
        """Of all current objects in the bucket."""
        return [item.key for item in self.store.list("")]

    def nothing_there(self) -> bool:
        """Whether there is neither an object nor an open upload."""
        uploads = self.s3.list_multipart_uploads(Bucket=self.store.bucket).get("Uploads", [])
        return self.object_keys() == [] and uploads == []


def with_bucket(site: MongoSite, aws: Aws) -> MongoSite:
    """`site` with a locked bucket of its own in production's region."""
    s3 = client(aws, "s3", "prod")
    bucket = make_bucket(s3, "copies", "us-east-1", locked=True)
    return replace(site, store=S3Bucket(bucket, "us-east-1"), s3=s3)


@contextmanager
def through(site: MongoSite, block: Block, **options: Any) -> Iterator[tuple[MongoSite, MongoRelay]]:
    """`site` whose server is reached through what tells what was asked, and says what a test wants."""
    relay = MongoRelay((site.server.address, site.server.port), block.host(72), **options)
    with relaying(relay):
        relay.hello = {"hosts": [relay.host], "me": relay.host, "primary": relay.host, **relay.hello}
        yield replace(site, more={"MONGO_URL": relay.url}), relay


def in_memory(site: MongoSite) -> MongoSite:
    """`site` with an empty bucket in memory."""
    return replace(site, store=cast("S3Bucket", Stock()))


@pytest.fixture(scope="session")
def mongo_server(database_folder: Path, block: Block, supervisor: Supervisor) -> MongoServer:
    """A source as long as the session; each test has databases of its own in it."""
    return MongoServer(supervisor, database_folder / "mongo", block.host(70), "mongo").start()


@pytest.fixture
def mongo(mongo_server: MongoServer) -> Iterator[MongoSite]:
    """A site with an empty database of the test's own, and an empty bucket in memory."""
    database = f"test_{secrets.token_hex(4)}"
    yield in_memory(MongoSite(mongo_server, database=database))
    with mongo_server.client() as client:
        client.drop_database(database)


@pytest.fixture
def mongo_target(database_folder: Path, block: Block, processes: Supervisor) -> MongoServer:
    """An empty deployment for one test."""
    folder = database_folder / f"mongo-target-{secrets.token_hex(4)}"
    return MongoServer(processes, folder, block.host(71), "mongo-target").start()
