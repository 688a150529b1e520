"""`dr check account`: an account as declared is found in order, and each thing that is not is named."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from operations.checks.account import check
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding
from recovery.access.buckets import backup_bucket_policy
from recovery.access.documents import allow, bucket_arn
from recovery.access.duties import duty_policies
from recovery.copies.lifecycle import lifecycle_rules
from recovery.errors import Refused
from recovery.names import Names
from recovery.plan.loading import load_plan, parse_plan
from recovery.plan.plan import SITES
from tests.support.iam import ask
from tests.support.lifecycle_oracle import as_s3
from tests.support.plans import ROOT, edited

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
KEYS = {site: f"arn:aws:kms:{NAMES.plan.site(site).region}:{NAMES.account}:key/{site}" for site in SITES}
Settings = dict[tuple[str, str], dict[str, Any]]


def declared_settings() -> Settings:
    """(bucket, operation) → what S3 answers when everything is as declared."""
    found: Settings = {}
    for site in SITES:
        bucket = NAMES.backup_bucket(site)
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEYS[site]}
        policy = backup_bucket_policy(bucket, KEYS[site], NAMES.role_arn("break-glass"))
        found |= {
            (bucket, "get_bucket_versioning"): {"Status": "Enabled"},
            (bucket, "get_object_lock_configuration"): {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
            (bucket, "get_bucket_encryption"): {
                "ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}
            },
            (bucket, "get_public_access_block"): {
                "PublicAccessBlockConfiguration": dict.fromkeys(
                    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
                )
            },
            (bucket, "get_bucket_policy"): {"Policy": json.dumps(policy)},
            (bucket, "get_bucket_lifecycle_configuration"): {"Rules": as_s3(lifecycle_rules(NAMES.plan, site))},
        }
    rule = {
        "Status": "Enabled",
        "Destination": {"Bucket": bucket_arn(NAMES.backup_bucket("dr"))},
        "DeleteMarkerReplication": {"Status": "Disabled"},
    }
    found[NAMES.backup_bucket("prod"), "get_bucket_replication"] = {"ReplicationConfiguration": {"Rules": [rule]}}
    return found


class Account:
    """An account as declared, for a test to change. The simulator is the evaluator of the tests, not our own rules."""

    def __init__(self) -> None:
        self.settings = declared_settings()
        self.policies = copy.deepcopy(duty_policies(NAMES, KEYS))
        site = NAMES.plan.sites.dr
        self.pods = {f"{site.namespace}/dr-guard": NAMES.role_arn("guard")}
        self.prod_pods = {
            f"{NAMES.plan.sites.prod.namespace}/{account}": NAMES.role_arn(duty)
            for account, duty in (("dr-guard", "guard"), ("dr-wall", "wall"), ("dr-backup", "writer"))
        }
        self.prod_cluster = "arn:aws:eks:us-east-1:123456789012:cluster/shop"
        self.tables: dict[str, Any] = {
            NAMES.plan.site(each).region: {
                "TableStatus": "ACTIVE",
                "MultiRegionConsistency": "STRONG",
                "GlobalTableWitnesses": [{"RegionName": NAMES.plan.sites.witness.region}],
                "DeletionProtectionEnabled": True,
                "PointInTimeRecoveryStatus": "ENABLED",
            }
            for each in SITES
        }

    def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]:
        return self.settings.get((bucket, operation), {})

    def table(self, name: str, region: str) -> Mapping[str, Any]:
        return self.tables[region]

    def pod_identities(self, cluster: str, region: str) -> Mapping[str, str]:
        return {NAMES.dr_cluster: self.pods, "shop": self.prod_pods}[cluster]

    def trust(self, role_arn: str) -> Mapping[str, Any]:
        arns = (f"arn:aws:eks:us-west-2:123456789012:cluster/{NAMES.dr_cluster}", self.prod_cluster)
        tags = [{"StringEquals": {"aws:RequestTag/eks-cluster-arn": arn}} for arn in arns]
        return {"Statement": [{"Condition": each} for each in tags]}

    def simulate(
        self, role_arn: str, actions: tuple[str, ...], resource: str, context: Mapping[str, str]
    ) -> Mapping[str, bool]:
        document = self.policies[role_arn.rpartition("ultramarket-dr-")[2]]
        return {action: ask(document, action, resource, context) == "allow" for action in actions}


def found(account: Account) -> dict[str, Finding]:
    return {each.name: each for each in check(NAMES, account)}


def test_an_account_as_declared_is_found_in_order() -> None:
    assert {each.level for each in found(Account()).values()} == {OK}


def _bucket(operation: str, answer: dict[str, Any]) -> Callable[[Account], None]:
    return lambda account: account.settings.__setitem__((NAMES.backup_bucket("dr"), operation), answer)


def _longer_lifecycle(account: Account) -> None:
    rules = account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]
    rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] = 1


def _foreign_lifecycle(account: Account) -> None:
    rules = account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]
    rules.append({"ID": "tidy", "Status": "Enabled", "Expiration": {"Days": 1}})


def _switched_off_lifecycle(account: Account) -> None:
    for rule in account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]:
        rule["Status"] = "Disabled"


def _one_way_for_the_public(account: Account) -> None:
    answer = account.settings[NAMES.backup_bucket("dr"), "get_public_access_block"]
    answer["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


def _key_elsewhere(account: Account) -> None:
    """An answer may be shared between the sites: only the DR site's is another."""
    answer = account.settings[NAMES.backup_bucket("prod"), "get_bucket_encryption"]
    account.settings[NAMES.backup_bucket("dr"), "get_bucket_encryption"] = answer


def _narrower_deny(account: Account) -> None:
    answer = account.settings[NAMES.backup_bucket("dr"), "get_bucket_policy"]
    policy = json.loads(answer["Policy"])
    (keep,) = [each for each in policy["Statement"] if each["Sid"] == "KeepVersions"]
    keep["Action"] = keep["Action"][:1]
    answer["Policy"] = json.dumps(policy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_bucket("get_bucket_versioning", {"Status": "Suspended"}), "versioning is off"),
        (_bucket("get_object_lock_configuration", {}), "no Object Lock"),
        (_bucket("get_bucket_encryption", {}), "not encrypted under a key of ours"),
        (_key_elsewhere, "not encrypted under a key of ours"),
        (_bucket("get_public_access_block", {}), "public access is not blocked"),
        (_one_way_for_the_public, "public access is not blocked"),
        (_bucket("get_bucket_policy", {}), "its policy lacks or changes TlsOnly"),
        (_narrower_deny, "its policy lacks or changes KeepVersions"),
        (_bucket("get_bucket_lifecycle_configuration", {}), "is missing or has other days"),
        (_switched_off_lifecycle, "is missing or has other days"),
        (_longer_lifecycle, "is missing or has other days"),
        (_foreign_lifecycle, "lifecycle rule tidy is nobody's"),
    ],
)
def test_a_bucket_that_protects_less_is_named(change: Callable[[Account], None], words: str) -> None:
    account = Account()
    change(account)
    finding = found(account)["bucket dr"]
    assert finding.level == CRITICAL
    assert words in finding.words
    assert "pulumi preview" in finding.next_step


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Destination": {"Bucket": "arn:aws:s3:::elsewhere"}}, "nothing copies"),
        ({"Status": "Disabled"}, "nothing copies"),
        ({"DeleteMarkerReplication": {"Status": "Enabled"}}, "a deletion in production is carried to the DR bucket"),
    ],
)
def test_replication_that_copies_nothing_or_deletions_too_is_critical(change: dict[str, Any], words: str) -> None:
    account = Account()
    found_there = account.settings[NAMES.backup_bucket("prod"), "get_bucket_replication"]
    found_there["ReplicationConfiguration"]["Rules"][0] |= change
    finding = found(account)["replication"]
    assert (finding.level, words in finding.words) == (CRITICAL, True)


def test_a_policy_in_another_spelling_is_the_same() -> None:
    account = Account()
    answer = account.settings[NAMES.backup_bucket("dr"), "get_bucket_policy"]
    policy = json.loads(answer["Policy"])
    for each in policy["Statement"]:
        if isinstance(each["Action"], list):
            each["Action"] = each["Action"][0] if len(each["Action"]) == 1 else each["Action"][::-1]
    answer["Policy"] = json.dumps(policy)
    assert found(account)["bucket dr"].level == OK


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MultiRegionConsistency": "EVENTUAL"}, "two sites could write"),
        ({"MultiRegionConsistency": None}, "EVENTUAL"),
        ({"GlobalTableWitnesses": []}, "no witness in"),
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


APART = Names(parse_plan(edited(("time_zone:", 'backup_account: "210987654321"\ntime_zone:'))), NAMES.account)
KEY_APART = "arn:aws:kms:us-west-2:210987654321:key/copies"


def test_copies_in_another_account_are_unknown_here_and_every_duty_is_judged_all_the_same() -> None:
    """Production's replication names the bucket's key."""

    class Production(Account):
        def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]:
            if bucket == APART.backup_bucket("dr"):
                raise Refused("AWS refused: AccessDenied", next_step="other credentials")
            return super().bucket_setting(bucket, region, operation)

    account = Production()
    rule = account.settings[NAMES.backup_bucket("prod"), "get_bucket_replication"]["ReplicationConfiguration"]["Rules"][
        0
    ]
    rule["Destination"] = {
        "Bucket": bucket_arn(APART.backup_bucket("dr")),
        "EncryptionConfiguration": {"ReplicaKmsKeyID": KEY_APART},
    }
    account.policies = copy.deepcopy(duty_policies(APART, {"prod": KEYS["prod"], "dr": KEY_APART}))
    levels = {each.name: each for each in check(APART, account)}
    assert {name for name, each in levels.items() if each.level != OK} == {"bucket dr"}
    assert levels["bucket dr"].level == UNKNOWN
    assert "sign in to account 210987654321" in levels["bucket dr"].next_step


def test_a_bucket_of_this_account_that_does_not_let_itself_be_read_is_unknown_with_aws_s_own_words() -> None:
    class Narrow(Account):
        def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]:
            raise Refused("AWS refused: AccessDenied", next_step="other credentials")

    finding = found(Narrow())["bucket dr"]
    assert (finding.level, finding.words, finding.next_step) == (
        UNKNOWN, "AWS refused: AccessDenied", "other credentials",
    )  # fmt: skip


def test_copies_in_another_account_that_let_themselves_be_read_keep_that_account_s_break_glass() -> None:
    account, bucket = Account(), APART.backup_bucket("dr")
    for (name, operation), answer in list(account.settings.items()):
        if name == NAMES.backup_bucket("dr"):
            account.settings[bucket, operation] = answer
    for theirs, level in ((APART.account_of_copies("dr"), OK), (APART.account, CRITICAL)):
        policy = backup_bucket_policy(bucket, KEYS["dr"], APART.role_arn("break-glass", theirs))
        account.settings[bucket, "get_bucket_policy"] = {"Policy": json.dumps(policy)}
        (finding,) = [each for each in check(APART, account) if each.name == "bucket dr"]
        assert finding.level == level, finding.words


def test_with_the_login_of_the_copies_account_their_bucket_is_checked_and_nothing_else() -> None:
    there = Names(APART.plan, "210987654321")
    account = Account()
    for (bucket, operation), answer in list(account.settings.items()):
        if bucket == NAMES.backup_bucket("dr"):
            account.settings[there.backup_bucket("dr"), operation] = answer
    policy = backup_bucket_policy(there.backup_bucket("dr"), KEYS["dr"], there.role_arn("break-glass", there.account))
    account.settings[there.backup_bucket("dr"), "get_bucket_policy"] = {"Policy": json.dumps(policy)}
    assert [(each.name, each.level) for each in check(there, account)] == [("bucket dr", OK)]


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
