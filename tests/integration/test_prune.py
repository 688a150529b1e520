"""`dr prune` on a versioned bucket with Object Lock, as people and CronJobs run it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud.control_table import ControlTable
from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from cloud.run_reports import DynamoRunReports
from engines.catalog import entries
from lab.aws.site import Aws
from recovery.copies.manifest import Manifest
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED
from recovery.names import manifest_key
from tests.support.clients import client, destroy_bucket
from tests.support.command_line import dr_here
from tests.support.fakes import held_lease
from tests.support.manifests import full
from tests.support.prune_site import folder_of

BUCKETS = {"prod": "ultramarket-backups-123456789012-us-east-1", "dr": "ultramarket-backups-123456789012-us-west-2"}
DAY = timedelta(days=1)


@pytest.fixture
def s3(
    aws: Aws, lease_at: Callable[[str], DynamoLeaseStore], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """Clients of both regions, with both buckets there, and production holding the lease."""
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DR_SITE", "prod")
    lease_at("prod").create(held_lease())
    made = {"prod": client(aws, "s3", "prod"), "dr": client(aws, "s3", "prod", "us-west-2")}
    made["prod"].create_bucket(Bucket=BUCKETS["prod"], ObjectLockEnabledForBucket=True)
    made["dr"].create_bucket(
        Bucket=BUCKETS["dr"],
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "us-west-2"},
    )
    yield made
    aws.reach.restore_all()
    for site, each in made.items():
        destroy_bucket(each, BUCKETS[site])


def put(client: Any, site: str, made: Manifest) -> None:
    """As the writer leaves it: parts and manifest, locked where the lock is not over already."""
    lock: dict[str, Any] = {}
    if made.retain_until > datetime.now(UTC):
        lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": made.retain_until}
    for part in made.parts:
        client.put_object(Bucket=BUCKETS[site], Key=part.key, Body=b"xxx", **lock)
    client.put_object(Bucket=BUCKETS[site], Key=manifest_key(folder_of(made)), Body=made.to_json(), **lock)


def test_a_bucket_is_looked_at_pruned_and_not_pruned_twice(
    s3: dict[str, Any], table_at: Callable[[str], ControlTable], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = full(9 * DAY), full(DAY)
    for made in (old, new):
        put(s3["prod"], "prod", made)
    assert dr_here("prune") == EXIT_DONE, "the DR bucket has no replica"
    assert capsys.readouterr().out == f"{BUCKETS['prod']}: nothing is due, 2 kept\n"

    put(s3["dr"], "dr", old)
    assert dr_here("prune") == EXIT_DONE
    said = capsys.readouterr()
    assert f"postgres full  {old.id}" in said.out and "past its term of 7d, and nothing kept needs it" in said.out
    assert f"{BUCKETS['prod']}: 1 due, 1 kept" in said.out and "--execute does it" in said.err
    assert len(entries(S3Bucket(BUCKETS["prod"], "us-east-1"), "postgres", "full")) == 2

    # What a schedule only looks at, as in an account of copies, stays due.
    assert dr_here("prune", "--if-active") == EXIT_DONE
    capsys.readouterr()
    reports = DynamoRunReports(table_at("operator"))
    looked = reports.read("prod", "prune", "prod")
    assert looked and (looked.due, looked.due_since) == (1, looked.at)

    assert dr_here("prune", "--execute", "--if-active", "--json") == EXIT_DONE
    said = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in said["prune"]] == [old.id] and said["executed"] and said["hidden_but_locked"] == []
    # The catalog never reads what is hidden as a backup, and all versions are there still.
    store = S3Bucket(BUCKETS["prod"], "us-east-1")
    assert [each.id for each in entries(store, "postgres", "full")] == [new.id]
    hidden = [each.key for each in store.hidden(folder_of(old))]
    assert hidden == sorted([*(part.key for part in old.parts), manifest_key(folder_of(old))])

    assert dr_here("prune", "--execute", "--if-active") == EXIT_DONE
    assert capsys.readouterr().out == f"{BUCKETS['prod']}: nothing is due, 1 kept\n"
    report = reports.read("prod", "prune", "prod")
    assert report and (report.outcome, report.hidden, report.why) == ("made", 0, "nothing is due, 1 kept")
    assert (report.due, report.due_since) == (0, None)


def test_a_locked_copy_that_somebody_hid_is_named_counted_and_keeps_its_dataset_whole(
    s3: dict[str, Any], table_at: Callable[[str], ControlTable], capsys: pytest.CaptureFixture[str]
) -> None:
    old, young, new = full(3000 * DAY), full(3 * DAY), full(DAY)
    for made in (old, young, new):
        put(s3["dr"], "dr", made)
    s3["dr"].delete_object(Bucket=BUCKETS["dr"], Key=manifest_key(folder_of(young)))
    assert dr_here("prune", "--bucket", "dr", "--execute", "--if-active") == EXIT_FAILED
    said = capsys.readouterr()
    assert f"hidden although it is locked: {manifest_key(folder_of(young))}" in said.err
    assert "nothing of postgres was judged" in said.err and "Break-glass takes away delete markers" in said.err
    store = S3Bucket(BUCKETS["dr"], "us-west-2")
    assert len(entries(store, "postgres", "full")) == 3
    report = DynamoRunReports(table_at("operator")).read("prod", "prune", "dr")
    assert report and (report.outcome, report.hidden) == ("failed", 1)

    # Break-glass takes the marker away; then the run goes on as if nothing had happened.
    (marker,) = s3["dr"].list_object_versions(Bucket=BUCKETS["dr"])["DeleteMarkers"]
    s3["dr"].delete_object(Bucket=BUCKETS["dr"], Key=marker["Key"], VersionId=marker["VersionId"])
    assert dr_here("prune", "--bucket", "dr", "--execute") == EXIT_DONE
    assert [each.id for each in entries(store, "postgres", "full")] == [new.id, young.id]


def test_a_lock_is_read_from_the_version_beneath_and_the_time_from_s3(s3: dict[str, Any]) -> None:
    young = full(3 * DAY)
    put(s3["dr"], "dr", young)
    store = S3Bucket(BUCKETS["dr"], "us-west-2")
    store.hide(young.parts[0].key)
    store.hide(young.parts[0].key)  # two markers are one hidden object
    s3["dr"].put_object(Bucket=BUCKETS["dr"], Key="postgres/full/plain", Body=b"x")
    store.hide("postgres/full/plain")
    plain, (found) = sorted(store.hidden("postgres/full/"), key=lambda each: each.key, reverse=True)
    assert store.locked_until(found.key, found.version) == young.retain_until
    assert store.locked_until(plain.key, plain.version) is None
    assert abs(store.time() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_fenced_site_prunes_nothing_and_its_schedule_ends_well(
    s3: dict[str, Any],
    lease_at: Callable[[str], DynamoLeaseStore],
    table_at: Callable[[str], ControlTable],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fault 68
    for made in (full(3000 * DAY), full(DAY)):
        put(s3["dr"], "dr", made)
    lease_at("dr").take(held_lease(), held_lease("dr", 2))
    assert dr_here("prune", "--bucket", "dr", "--execute") == EXIT_REFUSED
    assert "site prod is fenced" in capsys.readouterr().err
    assert dr_here("prune", "--bucket", "dr", "--execute", "--if-active") == EXIT_DONE
    assert capsys.readouterr().out == "skipped: not the active site (site dr has the lease, epoch 2)\n"
    report = DynamoRunReports(table_at("operator")).read("prod", "prune", "dr")
    assert report and (report.outcome, report.hidden) == ("skipped", None)
    assert "DeleteMarkers" not in s3["dr"].list_object_versions(Bucket=BUCKETS["dr"])
    # The site with the lease prunes both regions' buckets.
    assert dr_here("prune", "--bucket", "dr", "--site", "dr", "--execute", "--if-active") == EXIT_DONE
    assert len(s3["dr"].list_object_versions(Bucket=BUCKETS["dr"])["DeleteMarkers"]) == 3


def test_production_s_region_gone_keeps_nobody_from_the_dr_bucket(
    s3: dict[str, Any], aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(s3["dr"], "dr", full(DAY))
    for name, value in aws.env("dr").items():
        monkeypatch.setenv(name, value)
    aws.reach.region_gone("us-east-1")
    assert dr_here("prune", "--bucket", "dr", "--site", "dr") == EXIT_DONE
    assert dr_here("prune", "--bucket", "prod", "--site", "dr") == EXIT_FAILED
    said = capsys.readouterr().err
    assert "did not answer" in said and "Traceback" not in said
