"""`dr check account`: an account as declared is found in order, and each thing that is not is named."""

from collections.abc import Mapping
from typing import Any

import pytest

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING
from recovery.access.documents import allow, bucket_arn
from recovery.errors import Refused
from tests.support.account import NAMES, Account, found


def test_an_account_as_declared_is_found_in_order() -> None:
    assert {each.level for each in found(Account()).values()} == {OK}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MultiRegionConsistency": "EVENTUAL"}, "two sites could write"),
        ({"MultiRegionConsistency": None}, "EVENTUAL"),
        ({"GlobalTableWitnesses": []}, "no witness in"),
        ({"GlobalTableWitnesses": [{"RegionName": "us-east-2", "WitnessStatus": "CREATING"}]}, "no witness in"),
        ({"Replicas": []}, "no replica at work in us-west-2"),
        (
            {"Replicas": [{"RegionName": "us-west-2", "ReplicaStatus": "CREATION_FAILED"}]},
            "no replica at work in us-west-2: it is CREATION_FAILED",
        ),
        ({"SSEDescription": {}}, "not encrypted under a key that CloudTrail knows of"),
        ({"DeletionProtectionEnabled": False}, "not protected from deletion"),
        ({"PointInTimeRecoveryStatus": "DISABLED"}, "no point-in-time recovery"),
        ({"TableStatus": "UPDATING"}, "it is UPDATING"),
    ],
)
def test_a_control_table_that_is_not_as_declared_is_named(change: dict[str, Any], words: str) -> None:
    account = Account()
    account.tables["us-east-1"] |= change
    levels = found(account)
    assert (levels["control table prod"].level, levels["control table dr"].level) == (CRITICAL, OK)
    assert words in levels["control table prod"].words


def test_pods_that_act_as_somebody_else_or_without_a_role_are_named() -> None:
    account = Account()
    account.pods = {"default/anything": NAMES.role_arn("promoter")}
    finding = found(account)["pod identities dr"]
    assert finding.level == CRITICAL
    assert f"default/anything acts as {NAMES.role_arn('promoter')}" in finding.words
    assert "dr-guard has no role" in finding.words


def test_a_pod_of_ours_with_somebody_else_s_role_is_named_and_pods_that_do_not_run_yet_are_told() -> None:
    account = Account()
    namespace = NAMES.plan.sites.dr.namespace
    finding = found(account)["pod identities dr"]
    assert finding.level == OK and "no Pods yet of " in finding.words and "dr-monitor" in finding.words
    account.pods[f"{namespace}/dr-backup"] = "arn:aws:iam::123456789012:role/admin"
    finding = found(account)["pod identities dr"]
    assert finding.level == CRITICAL
    assert f"{namespace}/dr-backup acts as arn:aws:iam::123456789012:role/admin" in finding.words


def test_production_s_cluster_is_the_one_that_the_guard_s_role_trusts_and_its_pods_are_looked_at_too() -> None:
    account = Account()
    namespace = NAMES.plan.sites.prod.namespace
    account.prod_pods[f"{namespace}/dr-operator"] = NAMES.role_arn("promoter")  # whose role is the DR site's alone
    del account.prod_pods[f"{namespace}/dr-guard"]
    finding = found(account)["pod identities prod"]
    assert finding.level == CRITICAL
    assert f"{namespace}/dr-operator acts as {NAMES.role_arn('promoter')}" in finding.words
    assert "dr-guard has no role" in finding.words and "--stack prod" in finding.next_step
    account.prod_cluster = ""
    assert found(account)["pod identities prod"].level == UNKNOWN


def test_roles_of_others_in_the_cluster_are_no_business_of_ours() -> None:
    account = Account()
    account.pods["kube-system/aws-node"] = "arn:aws:iam::123456789012:role/cni"
    assert found(account)["pod identities dr"].level == OK


def test_a_duty_that_may_do_more_or_less_is_named() -> None:
    account = Account()
    account.policies["writer"]["Statement"].append(
        allow("Tidy", ["s3:DeleteObjectVersion"], [bucket_arn(NAMES.backup_bucket("dr"), "*")])
    )
    account.policies["guard"]["Statement"] = []
    levels = found(account)
    assert levels["duty writer"].level == CRITICAL
    assert "s3:DeleteObjectVersion on arn:aws:s3:::" in levels["duty writer"].words
    assert levels["duty guard"].level == WARNING
    assert "dynamodb:UpdateItem" in levels["duty guard"].words


def test_a_lock_beyond_the_bound_must_not_be_allowed() -> None:
    account = Account()
    (lock,) = [each for each in account.policies["writer"]["Statement"] if each["Sid"] == "LockCopies"]
    lock["Condition"] = {"NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": "36500"}}
    assert "s3:PutObjectRetention" in found(account)["duty writer"].words


def test_what_cannot_be_asked_is_unknown_and_the_rest_is_still_asked() -> None:
    class Silent(Account):
        def table(self, name: str, region: str) -> Mapping[str, Any]:
            raise Refused("AWS refused to describe it", next_step="use other credentials")

    levels = found(Silent())
    assert levels["control table dr"].level == UNKNOWN
    assert levels["control table dr"].next_step == "use other credentials"
    assert levels["bucket dr"].level == OK
