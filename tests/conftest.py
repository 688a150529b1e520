"""Fixtures that several rooms' tests share. Unit tests need none of them."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from lab.addresses import Block, claim_block
from lab.aws.site import Aws, start_aws
from lab.processes import Supervisor

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


class Schedule(LoadFileScheduling):
    """Each file's tests stay on one worker, and so do those of the files that share the three stacks."""

    SHARING = ("tests/lab/test_operator_mistakes.py", "tests/lab/test_review_mutations.py")

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return self.SHARING[0] if file in self.SHARING else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    """Instead of what `--dist` says."""
    return Schedule(config, log)
