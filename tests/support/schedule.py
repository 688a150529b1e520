"""Which worker runs which tests, and in what order: what shares a dear fixture together, what takes longest first."""

import math
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# Files whose tests share what takes long to start: the three stacks; one cluster with its node.
SHARING = (
    ("tests/lab/test_operator_mistakes.py", "tests/lab/test_review_mutations.py"),
    (
        "tests/lab/test_control_plane.py",
        "tests/lab/test_monitor_rights.py",
        "tests/lab/test_node_agent.py",
        "tests/lab/test_pod_identity.py",
        "tests/lab/test_provider_kubernetes.py",
    ),
)
SECONDS = "ultramarket/seconds"
"""Where pytest's cache keeps how long each scope took in the last run with workers."""


def scope_of(nodeid: str) -> str:
    """A test's file, or the first of the files that share with it."""
    file = nodeid.split("::", 1)[0]
    return next((files[0] for files in SHARING if file in files), file)


def longest_first(queue: OrderedDict[str, Any], seconds: Mapping[str, float]) -> None:
    """Sort scopes in place. What has no time yet comes first, in its order: it may be long."""
    for scope in sorted(queue, key=lambda each: -seconds.get(each, math.inf)):
        queue.move_to_end(scope)


class Schedule(LoadFileScheduling):
    """Each scope's tests stay on one worker."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._sorted = False

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        if not self._sorted:
            self._sorted = True
            cache = self.config.cache
            longest_first(self.workqueue, cache.get(SECONDS, {}) if cache else {})
        super()._assign_work_unit(node)


class Timekeeper:
    """Adds up what each scope takes, for the next run's order. For the process that has workers, not for them."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Set-up, call and tear-down each."""
        self._seconds[scope_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What did not run this time keeps its time."""
        if cache := session.config.cache:
            cache.set(
                SECONDS, cache.get(SECONDS, {}) | {scope: round(took, 1) for scope, took in self._seconds.items()}
            )
