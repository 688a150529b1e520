"""What a bucket holds, as the pruner counts it: each dataset's log by its own engine."""

from datetime import UTC, datetime, timedelta

import pytest

from engines.inventory import take
from recovery.copies.log_position import LogPosition
from recovery.lease.lease import format_lsn
from recovery.names import manifest_key
from recovery.plan.loading import load_plan
from recovery.plan.plan import SiteName
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEBIBYTE = 2**20


@pytest.mark.parametrize(
    ("site", "segment_bytes", "needed_from"),
    [("dr", None, 16 * MEBIBYTE), ("dr", MEBIBYTE, 20 * MEBIBYTE), ("prod", MEBIBYTE, None)],
    ids=["PostgreSQL's usual segments", "smaller ones", "a bucket without log"],
)
def test_a_backup_needs_the_log_from_the_segment_that_it_begins_in(
    site: SiteName, segment_bytes: int | None, needed_from: int | None
) -> None:
    store = FakeBucket()
    made = manifest(started=NOW - timedelta(hours=1), start_position=format_lsn(20 * MEBIBYTE + 5))
    folder = made.parts[0].key.rpartition("/")[0] + "/"
    store.objects |= {made.parts[0].key: b"xxx", manifest_key(folder): made.to_json()}
    if segment_bytes:
        at = LogPosition(epoch=1, system="7", timeline=1, segment_bytes=segment_bytes, start=0, end=0, at=NOW)
        store.objects[at.key] = at.to_json()
    (full,) = take(store, PLAN, site).catalog.copies
    assert full.position == needed_from
