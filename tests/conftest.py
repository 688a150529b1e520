"""Fixtures that several rooms' tests share. Unit tests need none of them."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from lab.aws.site import Aws, start_aws
from lab.machine.addresses import Block, claim_block
from lab.machine.processes import Supervisor
from tests.support.schedule import Schedule, Timekeeper

# The providers' SDKs are hundreds of thousands of objects that live as long as the process, and every stack that a test
# declares makes as many more: at Python's own thresholds collecting takes an eighth of a worker's time.
gc.set_threshold(100_000, 50, 100)
# A busy machine is no counterexample.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def block() -> Iterator[Block]:
    """Loopback addresses of this worker's own."""
    claimed = claim_block()
    yield claimed
    claimed.release()


@pytest.fixture(scope="session")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """Parent of what lives as long as the session; a test that ends its processes makes a Supervisor of its own."""
    parent = Supervisor(tmp_path_factory.mktemp("logs"))
    yield parent
    parent.stop_all()


@pytest.fixture(scope="session")
def session_aws(block: Block, supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """AWS's stand-in, one per worker: moto, fronts, replicator."""
    return start_aws(supervisor, block, tmp_path_factory.mktemp("aws"))


@pytest.fixture
def aws(session_aws: Aws) -> Iterator[Aws]:
    """The session's AWS with everything reachable, before and after. Names of buckets and tables must be the test's."""
    session_aws.reach.restore_all()
    yield session_aws
    session_aws.reach.restore_all()


def pytest_collection_finish() -> None:
    """What was loaded to find the tests stays: no later collection, nor the one at exit, has to look at it."""
    gc.freeze()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers a core: databases, leases and clusters are waited for half of the time. Unit tests only compute."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if all("unit" in each for each in config.args) else 2 * cores


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    """Instead of what `--dist` says."""
    config.pluginmanager.register(Timekeeper())
    return Schedule(config, log)
