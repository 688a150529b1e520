"""`dr backup configuration`, `dr verify` and `dr restore configuration` as people and CronJobs run them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud import cluster_objects
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws
from operations.copies import outside
from recovery.errors import EXIT_DONE, EXIT_REFUSED, EXIT_USAGE
from recovery.names import KEY_ALIAS
from tests.support.clients import client, destroy_bucket
from tests.support.cluster_objects import DR_UID, NAMESPACE, PROD_UID, FakeObjects
from tests.support.command_line import dr_here
from tests.support.configuration_site import PASSWORD, encoded, shop
from tests.support.fakes import held_lease
from tests.support.kms_keys import REGIONS

ACCOUNT = "123456789012"
BUCKET = f"ultramarket-backups-{ACCOUNT}-us-east-1"
FROM = ("--bucket", BUCKET, "--region", "us-east-1")


@pytest.fixture
def source(
    aws: Aws, lease_at: Callable[[str], DynamoLeaseStore], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FakeObjects]:
    """Production's cluster, in memory; its lease, its bucket, the keys of both regions by their alias."""
    lease_at("prod").create(held_lease())
    here = aws.env("prod") | {"DR_SITE": "prod", "DR_ACCOUNT": ACCOUNT, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    s3 = client(aws, "s3", "prod")
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    kms = {site: client(aws, "kms", "operator", region) for site, region in REGIONS.items()}
    made = {site: each.create_key()["KeyMetadata"]["KeyId"] for site, each in kms.items()}
    for site, each in kms.items():
        each.create_alias(AliasName=KEY_ALIAS, TargetKeyId=made[site])
    found = shop().source
    monkeypatch.setattr(outside, "KubernetesObjects", lambda _: found)
    yield found
    for each in kms.values():
        each.delete_alias(AliasName=KEY_ALIAS)
    destroy_bucket(s3, BUCKET)


@pytest.fixture
def target(source: FakeObjects, monkeypatch: pytest.MonkeyPatch) -> FakeObjects:
    """Another cluster, which the kubeconfig of a restore leads to."""
    made = FakeObjects(DR_UID, namespace="ultramarket-dr")
    monkeypatch.setattr(cluster_objects, "KubernetesObjects", lambda _: made)
    return made


def test_a_copy_is_made_listed_verified_and_restored_as_files(
    source: FakeObjects, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here("backup", "configuration", "full", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert f"objects of namespace {NAMESPACE} in the cluster at https://cluster.example ({PROD_UID})" in said.err

    assert dr_here("backups", "--json") == EXIT_DONE
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["backups"]] == [made["id"]]
    assert dr_here("verify", "--dataset", "configuration", "--json") == EXIT_DONE
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["verified"] and verdict["remark"] == "what is sealed was opened"

    into = tmp_path / "files"
    assert dr_here("restore", "configuration", "--into", str(into), *FROM) == EXIT_DONE
    shown = capsys.readouterr().out
    assert "stay a ciphertext (--with-secrets opens it)" in shown and not into.exists()
    assert dr_here("restore", "configuration", "--into", str(into), *FROM, "--execute", "--json") == EXIT_DONE
    done = json.loads(capsys.readouterr().out)
    assert done["restored"] and done["sealed"] == ["4-secrets.json.sealed"]
    assert (
        dr_here("restore", "configuration", "--into", str(tmp_path / "open"), *FROM, "--execute", "--with-secrets")
        == EXIT_DONE
    )
    (secret,) = (tmp_path / "open").rglob("order-login.yaml")
    assert encoded(PASSWORD) in secret.read_text()
    said = capsys.readouterr()
    assert PASSWORD not in said.out + said.err and encoded(PASSWORD) not in said.out + said.err


def test_it_is_applied_to_another_cluster_after_it_was_shown(
    target: FakeObjects, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here("backup", "configuration", "full") == EXIT_DONE
    capsys.readouterr()
    how = ("restore", "configuration", "--apply", "--namespace", "ultramarket-dr", *FROM)
    assert dr_here(*how) == EXIT_DONE
    said = capsys.readouterr()
    assert "is created: cronjobs.batch/report" in said.err
    assert "Nothing was done. Next: the same with --execute" in said.out and target.applied == []
    assert dr_here(*how, "--execute", "--json") == EXIT_DONE
    done = json.loads(capsys.readouterr().out)
    assert (done["created"], done["changed"]) == (7, 0) and done["cluster"] == DR_UID
    assert dr_here(*how, "--execute") == EXIT_DONE
    said = capsys.readouterr()
    assert "restored: 0 objects created, 0 changed, 8 were so already, 0 left" in said.out
    assert PASSWORD not in said.out + said.err and encoded(PASSWORD) not in said.out + said.err


def test_what_cannot_be_applied_is_refused_before_anything_is(
    target: FakeObjects, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here("backup", "configuration", "full") == EXIT_DONE
    target.owned = {"services/order": ".spec.ports (pulumi)"}
    how = ("restore", "configuration", "--apply", "--namespace", "ultramarket-dr", *FROM, "--execute")
    capsys.readouterr()
    assert dr_here(*how, "--json") == EXIT_REFUSED
    said = json.loads(capsys.readouterr().out)
    assert said["restored"] is False and "others own .spec.ports (pulumi)" in said["problem"]
    assert target.applied == []
    assert dr_here(*how, "--partial", "--without-secrets") == EXIT_DONE
    assert "services/order" not in target.applied and "secrets/order-login" not in target.applied


def test_production_s_own_cluster_is_refused(
    source: FakeObjects, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster_objects, "KubernetesObjects", lambda _: source)
    assert dr_here("backup", "configuration", "full") == EXIT_DONE
    capsys.readouterr()
    assert dr_here("restore", "configuration", "--apply", *FROM, "--execute") == EXIT_REFUSED
    assert "of which copies were made: a restore goes into another one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("restore", "redis", "--apply", *FROM), "redis has no objects of a cluster"),
        (("restore", "configuration", "--apply", "--into", "x", *FROM), "--apply goes into a cluster"),
        (("restore", "configuration", "--into", "x", "--partial", *FROM), "go with --apply"),
        (("restore", "configuration", *FROM), "or --apply"),
    ],
)
def test_options_that_do_not_go_together(
    options: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here(*options) == EXIT_USAGE
    assert why in " ".join(capsys.readouterr().err.split())


def test_without_a_cluster_named_it_is_refused(
    source: FakeObjects, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBECONFIG")
    assert dr_here("backup", "configuration", "full") == EXIT_REFUSED
    assert "set KUBECONFIG" in capsys.readouterr().err
