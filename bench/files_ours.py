"""One copy or restore of files in a process of its own, as `dr backup` and `dr restore` run them, less plan and lease.

python -m bench.files_ours backup SOURCE
python -m bench.files_ours restore INTO
"""

import os
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.full_backup_ours import BUCKET, REGION
from cloud.objects import S3Bucket
from engines.files.full import FilesFull
from operations.copies.backup import Order, back_up
from operations.copies.restore import execute, plan_restore
from recovery.copies.gaps import CLOCKS
from recovery.names import FILES_SOURCE
from recovery.plan.loading import load_plan
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import ROOT


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    store, environment = S3Bucket(BUCKET, REGION), {**os.environ, FILES_SOURCE: str(folder)}
    if what == "restore":
        execute(
            store,
            plan_restore(store, "files", "latest", folder, environment=environment),
            environment=environment,
            owner=None,
        )
        return
    order = Order(
        site="prod",
        into="prod",
        section=load_plan(ROOT / "recovery.yaml").datasets.files,
        plan_digest="0" * 64,
        keep=timedelta(hours=1),
        time_limit=timedelta(hours=1),
        longest=timedelta(days=1),
        replica_lag=timedelta(minutes=1),
        run=secrets.token_hex(4),
        program_version="bench",
    )
    back_up(
        FilesFull(),
        store,
        FakeLeases(held_lease()),
        order,
        environment=environment,
        # The files are taken for some minutes older than they are: what is as young as a run is read again by the next.
        clock=lambda: datetime.now(UTC) + 2 * CLOCKS,
    )


if __name__ == "__main__":
    main()
