"""A site with Redis, a bucket and a lease, as the tests about its copies want it."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from cloud.objects import S3Bucket
from engines.engine import Engine, Verdict
from engines.redis.restore import Restored
from engines.registry import engine_of
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import database_uid
from operations.copies.backup import Made, Order, back_up
from operations.copies.restore import execute, plan_restore
from operations.copies.verify import verify
from recovery.names import RESTORED_SERVER
from recovery.plan.loading import load_plan
from recovery.plan.plan import SiteName
from tests.support.clients import client, make_bucket
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import ROOT
from tests.support.redis_servers import AGES, Age, RedisServer, check_programs, follow
from tests.support.restore_site import Stock

NOISE = 200
"""How many keys hold 50 kB of noise each: they make an RDB that takes more than one read of a socket."""


@dataclass
class RedisSite:
    """Everything one backup needs; tests replace what they want to break."""

    primary: RedisServer
    replica: RedisServer
    path: str
    store: Any = None
    s3: Any = None
    leases: FakeLeases = field(default_factory=lambda: FakeLeases(held_lease()))
    site: SiteName = "prod"
    more: Mapping[str, str] = field(default_factory=dict[str, str])  # variables

    @property
    def environment(self) -> dict[str, str]:
        """Variables as a Pod has them; copies are made of the replica."""
        return {"PATH": self.path, **self.replica.environment, **self.more}

    def back_up(self, kind: str = "snapshot", *, time_limit: timedelta = timedelta(minutes=2)) -> Made:
        """One backup."""
        order = Order(
            site=self.site,
            into=self.site,
            section=load_plan(ROOT / "recovery.yaml").datasets.redis,
            plan_digest="0" * 64,
            keep=timedelta(days=1),
            time_limit=time_limit,
            longest=timedelta(hours=26),
            replica_lag=timedelta(seconds=10),
            run=secrets.token_hex(4),
            program_version="test",
        )
        return back_up(
            self.engine(kind),
            self.store,
            self.leases,
            order,
            environment=self.environment,
            clock=lambda: datetime.now(UTC),
        )

    def engine(self, kind: str = "snapshot") -> Engine:
        """Of one kind of copy."""
        return engine_of("redis", kind)

    def check(self, wanted: str = "latest", kind: str = "snapshot") -> Verdict:
        """`dr verify`, without the command."""
        return verify(
            self.store,
            wanted,
            dataset="redis",
            kind=kind,
            environment=self.environment,
            scratch=Path(),
            now=datetime.now(UTC),
        )[2]

    def restore(self, into: Path, to: str = "latest", *, server: str = "", owner: int | None = None) -> Restored:
        """`dr restore redis --execute`, without the command; for the server that was copied unless another is named."""
        source = f"{self.product}-{self.version}"
        environment = self.environment | {RESTORED_SERVER: server or source}
        order = plan_restore(cast("Any", self.store), "redis", to, into, environment=environment)
        done = execute(cast("Any", self.store), order, environment=environment, owner=owner)
        assert isinstance(done, Restored)
        return done

    @property
    def product(self) -> str:
        """Of its servers."""
        return {"oldest": "redis", "newest": "valkey"}[self.primary.age]

    @property
    def version(self) -> str:
        """Of its servers."""
        return self.primary.info("valkey_version") or self.primary.info("redis_version")

    def object_keys(self) -> list[str]:
        """Of all current objects in the bucket."""
        return [item.key for item in self.store.list("")]

    def nothing_there(self) -> bool:
        """Whether there is neither an object nor an open upload, and the server has nobody left to send to."""
        uploads = self.s3.list_multipart_uploads(Bucket=self.store.bucket).get("Uploads", [])
        return self.object_keys() == [] and uploads == []


def with_bucket(site: RedisSite, aws: Aws) -> RedisSite:
    """`site` with a locked bucket of its own in production's region."""
    s3 = client(aws, "s3", "prod")
    bucket = make_bucket(s3, "copies", "us-east-1", locked=True)
    return replace(site, store=S3Bucket(bucket, "us-east-1"), s3=s3)


def in_memory(site: RedisSite) -> RedisSite:
    """`site` with an empty bucket in memory."""
    return replace(site, store=cast("S3Bucket", Stock()))


def fill(server: RedisServer) -> None:
    """Keys of every kind, some with an end, and noise."""
    for words in (
        ("SET", "plain", "value"),
        ("SET", "session", "x", "EX", "86400"),
        ("RPUSH", "list", *map(str, range(300))),
        ("SADD", "set", "a", "b", "c"),
        ("ZADD", "sorted", "1", "one", "2.5", "two"),
        ("HSET", "cart:7", "sku-1", "2", "sku-2", "1"),
        ("XADD", "stream", "1-1", "field", "value"),
        ("PFADD", "counted", "a", "b"),
        ("SET", "ünïcode\n\tkey", "\u0000binary"),
    ):
        server.ask(*words)
    if server.age == "newest":  # only format 80 holds it
        server.ask("HEXPIRE", "cart:7", "86400", "FIELDS", "1", "sku-1")
    for number in range(NOISE):
        server.ask("SET", f"noise:{number}", secrets.token_hex(25_000))


def _source(age: Age, folder: Path, block: Block, supervisor: Supervisor) -> RedisSite:
    first = {"newest": 60, "oldest": 62}[age]
    primary, replica = (
        RedisServer(
            age=age,
            supervisor=supervisor,
            folder=folder / f"redis-{age}-{role}",
            address=block.host(first + number),
            name=f"redis-{age}-{role}",
            uid=database_uid(),
        )
        for number, role in enumerate(("primary", "replica"))
    )
    primary.start()
    fill(primary)
    replica.start()
    follow(replica, primary)
    programs = check_programs(folder / f"redis-{age}-programs")
    return RedisSite(primary, replica, os.pathsep.join([str(programs), "/usr/bin:/bin"]))


@pytest.fixture(scope="session")
def redis_newest(database_folder: Path, block: Block, supervisor: Supervisor) -> RedisSite:
    """The newest server: a primary with data and its replica, as long as the session. There is no bucket yet."""
    return _source("newest", database_folder, block, supervisor)


@pytest.fixture(scope="session")
def redis_oldest(database_folder: Path, block: Block, supervisor: Supervisor) -> RedisSite:
    """The same of the oldest."""
    return _source("oldest", database_folder, block, supervisor)


@pytest.fixture(scope="session", params=AGES)
def redis_source(request: pytest.FixtureRequest) -> RedisSite:
    """First the newest, then the oldest."""
    return request.getfixturevalue(f"redis_{request.param}")
