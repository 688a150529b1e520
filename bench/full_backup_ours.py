"""One backup or verification in a process of its own, as `dr backup` and `dr verify` run them, less plan and lease.

python -m bench.full_backup_ours standby|primary|incremental|verify FOLDER
"""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloud.objects import S3Bucket
from engines.engine import Origin
from engines.postgres.full import PostgresFull
from engines.postgres.incremental import PostgresIncremental
from operations.copies.backup import Order, back_up
from operations.copies.verify import verify
from recovery.plan.datasets import Dataset
from recovery.plan.loading import load_plan
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import ROOT

BUCKET, REGION = "copies", "us-east-1"


class _As(PostgresFull):
    """The same server taken for a standby or for a primary: who compresses depends on it."""

    def __init__(self, standby: bool) -> None:
        self._standby = standby

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        return replace(super().look(section, environment, replica_lag=replica_lag), standby=self._standby)


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    store, environment = S3Bucket(BUCKET, REGION), dict(os.environ)
    if what == "verify":
        verify(store, "latest", environment=environment, scratch=folder, now=datetime.now(UTC))
        return
    order = Order(
        site="prod",
        into="prod",
        section=load_plan(ROOT / "recovery.yaml").datasets.postgres,
        plan_digest="0" * 64,
        keep=timedelta(hours=1),
        time_limit=timedelta(hours=1),
        longest=timedelta(days=1),
        replica_lag=timedelta(minutes=1),
        run=secrets.token_hex(4),
        program_version="bench",
    )
    back_up(
        PostgresIncremental() if what == "incremental" else _As(what == "standby"),
        store,
        FakeLeases(held_lease()),
        order,
        environment=environment,
        clock=lambda: datetime.now(UTC),
    )


if __name__ == "__main__":
    main()
