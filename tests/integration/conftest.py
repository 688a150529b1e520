"""Real parts for the tests in this folder: PostgreSQL with UltraMarket's roles, the control table, guards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud.control_table import ControlTable
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.binaries import copy_postgres
from lab.machine.processes import HUNG_SECONDS, Supervisor
from lab.ultramarket.primary import Primary, database_uid
from recovery.names import Names
from recovery.plan.loading import load_plan
from tests.support.backup_site import backup_source as backup_source  # fixtures
from tests.support.backup_site import each_source as each_source
from tests.support.backup_site import oldest_source as oldest_source
from tests.support.clients import client
from tests.support.guard_process import Guards
from tests.support.mongo_site import mongo as mongo
from tests.support.mongo_site import mongo_server as mongo_server
from tests.support.mongo_site import mongo_target as mongo_target
from tests.support.plans import ROOT
from tests.support.redis_site import redis_newest as redis_newest
from tests.support.redis_site import redis_oldest as redis_oldest
from tests.support.redis_site import redis_source as redis_source

CONTROL_TABLE = Names(load_plan(ROOT / "recovery.yaml"), "123456789012").control_table
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 4 * 2**30  # noqa: S108 - a folder with a random name of its own
REGIONS = {"prod": ("us-east-1", "us-west-2"), "dr": ("us-west-2", "us-east-1"), "operator": ("us-west-2", "us-east-1")}


def fits_in_memory() -> bool:
    """Whether databases and their programs can lie in memory: every test has a copy of a thousand files."""
    if not MEMORY.is_dir() or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free > MEMORY_BYTES


@pytest.fixture(scope="session")
def database_folder() -> Iterator[Path]:
    """A folder that an unprivileged user reaches, unlike pytest's own, which is private to root."""
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-tests-", dir=MEMORY if fits_in_memory() else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(block: Block, database_folder: Path, supervisor: Supervisor) -> Primary:
    """A primary made once and stopped; tests run copies of its folder."""
    template = Primary(
        supervisor=supervisor,
        postgres=copy_postgres(database_folder / "programs"),
        folder=database_folder / "template",
        address=block.primary,
        uid=database_uid(),
        name="postgres-template",
    )
    template.create()
    with template.connect() as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
    supervisor.stop(template.name)
    return template


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Supervisor]:
    """Parent of what one test starts."""
    parent = Supervisor(tmp_path / "logs")
    yield parent
    parent.stop_all(timeout=2)


@pytest.fixture
def postgres(postgres_template: Primary, processes: Supervisor, database_folder: Path) -> Iterator[Primary]:
    """A running primary with a fresh copy of the template's data: `address`, port 5432, `passwords`, `connect(role)`.

    It admits the application only through its Unix socket, where a gate reaches it.
    """
    folder = database_folder / f"copy-{os.urandom(4).hex()}"
    subprocess.run(
        ["cp", "--archive", "--reflink=auto", postgres_template.folder, folder], check=True, timeout=HUNG_SECONDS
    )
    server = Primary(
        supervisor=processes,
        postgres=postgres_template.postgres,
        folder=folder,
        address=postgres_template.address,
        uid=postgres_template.uid,
        name="postgres",
        passwords=postgres_template.passwords,
    )
    server.start()
    yield server
    processes.kill("postgres")  # its data goes with it, and a shutdown would wait for sessions
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def control_table(aws: Aws) -> Iterator[str]:
    """The empty control table; returns its name."""
    dynamodb = client(aws, "dynamodb", "operator", "us-west-2")
    dynamodb.create_table(
        TableName=CONTROL_TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield CONTROL_TABLE
    aws.reach.restore_all()
    dynamodb.delete_table(TableName=CONTROL_TABLE)


@pytest.fixture
def table_at(aws: Aws, control_table: str) -> Callable[[str], ControlTable]:
    """`table_at("prod")`: the control table as that place sees it."""

    def at(place: str) -> ControlTable:
        clients = {region: client(aws, "dynamodb", place, region) for region in REGIONS[place]}
        return ControlTable(control_table, clients)

    return at


@pytest.fixture
def lease_at(table_at: Callable[[str], ControlTable]) -> Callable[[str], DynamoLeaseStore]:
    """`lease_at("dr")`: the lease as that place sees it."""
    return lambda place: DynamoLeaseStore(table_at(place))


@pytest.fixture
def guards(aws: Aws, block: Block, processes: Supervisor, postgres: Primary, tmp_path: Path) -> Iterator[Guards]:
    """Starts guards of either site in front of `postgres`, as a Pod would."""
    factory = Guards(aws=aws, block=block, processes=processes, primary=postgres, folder=tmp_path)
    yield factory
    factory.end_all()
