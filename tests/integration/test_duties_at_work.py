"""What a duty's code asks of AWS is what its role may do: real calls, held against the role's policy."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cloud.lease_store import DynamoLeaseStore
from cloud.marker import S3Marker
from cloud.objects import S3Bucket
from engines.catalog import newest
from engines.postgres.log_server import LogServer
from engines.postgres.wal_ahead import BucketLog, Vouched
from engines.postgres.wal_bucket import WalBucket
from engines.postgres.wal_cutting import Cut
from lab.aws.site import Aws
from operations.context import Context
from operations.copies.due import why_due
from operations.monitoring.postgres_log import look_at_log
from recovery.access.duties import duty_policies
from recovery.copies.log import Line, wal_name
from recovery.errors import EXIT_DONE
from recovery.lease.lease import Heartbeat
from recovery.names import Names, manifest_key
from recovery.plan.loading import load_plan
from tests.support.calls import recorded
from tests.support.clients import client, destroy_bucket
from tests.support.command_line import dr_here
from tests.support.fakes import held_lease
from tests.support.iam import ask
from tests.support.manifests import full
from tests.support.plans import ROOT
from tests.support.prune_site import folder_of

PLAN = load_plan(ROOT / "recovery.yaml")
NAMES = Names(PLAN, "123456789012")
POLICIES = duty_policies(NAMES, {"prod": "key", "dr": "key"})
AT_DR = {"aws:PrincipalTag/eks-cluster-name": NAMES.dr_cluster}
LINE = Line(1, "77", 2)
BEAT = Heartbeat(at=datetime.now(UTC), lsn=0, commits_per_second=0, timeline=2)


@pytest.fixture
def store(aws: Aws, lease_at: Callable[[str], DynamoLeaseStore], monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Bucket]:
    """The DR bucket with a backup, the log after it and a later epoch; production's; the marker's; the lease is the
    DR site's."""
    for name, value in (aws.env("dr") | {"DR_SITE": "dr", "DR_ACCOUNT": NAMES.account}).items():
        monkeypatch.setenv(name, value)
    regions = {NAMES.backup_bucket("prod"): "us-east-1"}
    regions |= dict.fromkeys((NAMES.backup_bucket("dr"), NAMES.marker_bucket), "us-west-2")
    clients = {bucket: client(aws, "s3", "operator", region) for bucket, region in regions.items()}
    for bucket, region in regions.items():
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        clients[bucket].create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, **place)
    lease_at("operator").create(held_lease("dr", epoch=2))
    bucket = S3Bucket(NAMES.backup_bucket("dr"), "us-west-2")
    for days, storage in ((3000, "GLACIER"), (100, "GLACIER"), (1, "STANDARD")):
        made = full(timedelta(days=days))
        for part in made.parts:
            clients[bucket.bucket].put_object(Bucket=bucket.bucket, Key=part.key, Body=b"xxx", StorageClass=storage)
        bucket.put_once(manifest_key(folder_of(made)), made.to_json(), retain_until=None)
    bucket.put_once("postgres/full/hidden", b"x", retain_until=None)
    bucket.hide("postgres/full/hidden")  # whether it was locked is asked
    log = WalBucket(bucket, "77")
    log.put(LINE, Cut(0, 9, b"123456789"))
    log.put_history(LINE, b"1\t0/1\tno recovery target specified\n", datetime.now(UTC) + timedelta(days=1))
    yield bucket
    for name, each in clients.items():
        destroy_bucket(each, name)


def serve_the_log(store: S3Bucket) -> None:
    server = LogServer(store, lambda: Vouched(system="77", epoch=2, timeline=2))
    assert bytes(server.answer(wal_name(2, 0))[0]).startswith(b"9 ")
    assert server.answer("00000002.history") != [b"0 0\n"], "the epoch before has it"


def plan_a_promotion(store: S3Bucket) -> None:
    lease = held_lease(epoch=2)
    lease = type(lease)(**(vars(lease) | {"heartbeat": BEAT, "system_identifier": "77"}))
    assert BucketLog(store=store).ahead(lease, 2, 0).end == 9
    assert newest(store, "postgres", "full").manifest
    archived = next(each.key for each in store.list("postgres/full/") if each.storage == "GLACIER")
    store.retrieve(archived, days=1)
    assert store.retrieval(archived) != "none"
    S3Marker(NAMES.marker_bucket, "us-west-2").present()


def watch(store: S3Bucket) -> None:
    look_at_log(store)
    newest(store, "postgres", "full")
    assert [*store.unfinished("")] == []
    S3Marker(NAMES.marker_bucket, "us-west-2").present()


def look_whether_a_backup_is_due(store: S3Bucket) -> None:
    from operations.lease import open_store

    context = Context.load(ROOT / "recovery.yaml", NAMES.account, "dr")
    assert "epoch" in why_due(context, open_store(context), "postgres")


def prune(store: S3Bucket) -> None:
    assert dr_here("prune", "--bucket", "dr", "--execute", "--if-active") == EXIT_DONE
    assert len([*store.hidden("postgres/full/")]) == 4


@pytest.mark.parametrize(
    ("duty", "work"),
    [
        ("guard", serve_the_log),
        ("promoter", plan_a_promotion),
        ("monitor", watch),
        ("writer", look_whether_a_backup_is_due),
        ("pruner", prune),
    ],
)
def test_what_a_duty_s_code_asks_its_role_may(duty: str, work: Callable[[S3Bucket], None], store: S3Bucket) -> None:
    with recorded(NAMES.account) as calls:
        work(store)
    assert {each.action.partition(":")[0] for each in calls} >= {"s3"}
    policy = POLICIES[duty]
    refused = {each for each in calls if ask(policy, each.action, each.resource, AT_DR | dict(each.context)) != "allow"}
    assert {(each.action, each.resource) for each in refused} == set()
