"""An AWS account as the stacks declare it, for a test to change; and what `dr check account` finds in it."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from operations.checks.account.check import check
from operations.monitoring.findings import Finding
from recovery.access.backup_account import bucket_grants, key_grants
from recovery.access.buckets import backup_bucket_policy, backup_key_policy, marker_bucket_policy
from recovery.access.documents import Document, bucket_arn
from recovery.access.duties import duty_policies
from recovery.access.trust import service_trust
from recovery.copies.lifecycle import assets_rules, lifecycle_rules
from recovery.copies.lifecycle_rule import LifecycleRule
from recovery.names import Names
from recovery.plan.loading import load_plan
from recovery.plan.plan import SITES, SiteName
from tests.support.iam import ask
from tests.support.lifecycle_oracle import as_s3
from tests.support.plans import ROOT

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
ASSETS = "shop-assets"
"""Production's bucket of static assets."""
RANGES = ["15.177.0.0/18", "2600:1f14::/35"]
KEYS = {site: f"arn:aws:kms:{NAMES.plan.site(site).region}:{NAMES.account}:key/{site}" for site in SITES}
Settings = dict[tuple[str, str], dict[str, Any]]


def _bucket(bucket: str, by_default: dict[str, str], policy: Document) -> Settings:
    """What every bucket of ours has."""
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    owners = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    return {
        (bucket, "get_bucket_versioning"): {"Status": "Enabled"},
        (bucket, "get_bucket_encryption"): {"ServerSideEncryptionConfiguration": {"Rules": [rule]}},
        (bucket, "get_public_access_block"): {"PublicAccessBlockConfiguration": dict.fromkeys(switches, True)},
        (bucket, "get_bucket_ownership_controls"): {"OwnershipControls": owners},
        (bucket, "get_bucket_policy"): {"Policy": json.dumps(policy)},
    }


def _copies(names: Names, bucket: str, site: SiteName, rules: tuple[LifecycleRule, ...], key: str) -> Settings:
    break_glass = names.role_arn("break-glass", names.account_of_copies(site))
    policy = backup_bucket_policy(bucket, key, break_glass, bucket_grants(names, bucket))
    return {
        **_bucket(bucket, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, policy),
        (bucket, "get_object_lock_configuration"): {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
        (bucket, "get_bucket_lifecycle_configuration"): {"Rules": as_s3(rules)},
    }


def _replication(names: Names, duty: str, copy: str, key: str) -> dict[str, Any]:
    rule = {
        "ID": "all-copies",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {
            "Bucket": bucket_arn(copy),
            "StorageClass": "STANDARD",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
    }
    return {"ReplicationConfiguration": {"Role": names.role_arn(duty), "Rules": [rule]}}


def declared_settings(names: Names = NAMES, keys: Mapping[str, str] = KEYS) -> Settings:
    """(bucket, operation) → what S3 answers when everything is as declared."""
    dr = names.backup_bucket("dr")
    found: Settings = {}
    for site in SITES:
        found |= _copies(names, names.backup_bucket(site), site, lifecycle_rules(names.plan, site), keys[site])
    found |= _copies(names, names.assets_bucket, "dr", assets_rules(names.plan), keys["dr"])
    marker = marker_bucket_policy(names, RANGES)
    found |= _bucket(names.marker_bucket, {"SSEAlgorithm": "AES256"}, marker)
    backups = _replication(names, "replication", dr, keys["dr"])
    found[names.backup_bucket("prod"), "get_bucket_replication"] = backups
    found[ASSETS, "get_bucket_replication"] = _replication(names, "assets-replication", names.assets_bucket, keys["dr"])
    return found


def declared_key(names: Names, site: SiteName) -> dict[str, Any]:
    """What KMS answers about the key of `site`'s region when everything is as declared."""
    account = names.account_of_copies(site)
    grants = key_grants(names) if site == "dr" else ()
    policy = backup_key_policy(account, names.role_arn("break-glass", account), grants)
    return {
        "KeyState": "Enabled",
        "KeyManager": "CUSTOMER",
        "MultiRegion": False,
        "KeyRotationEnabled": True,
        "Policy": json.dumps(policy),
    }


class Account:
    """An account as declared, for a test to change. The simulator is the evaluator of the tests, not our own rules."""

    def __init__(self) -> None:
        self.settings = declared_settings()
        self.keys = {KEYS[site]: declared_key(NAMES, site) for site in SITES}
        self.assets = service_trust("s3.amazonaws.com", NAMES.account, bucket_arn(ASSETS))
        self.policies = copy.deepcopy(duty_policies(NAMES, KEYS, ASSETS))
        site = NAMES.plan.sites.dr
        self.pods = {f"{site.namespace}/dr-guard": NAMES.role_arn("guard")}
        self.prod_pods = {
            f"{NAMES.plan.sites.prod.namespace}/{account}": NAMES.role_arn(duty)
            for account, duty in (
                ("dr-guard", "guard"),
                ("dr-wall", "wall"),
                ("dr-backup", "writer"),
                ("dr-exporter", "exporter"),
            )
        }
        self.prod_cluster = "arn:aws:eks:us-east-1:123456789012:cluster/shop"
        self.tables: dict[str, Any] = {
            NAMES.plan.site(each).region: {
                "TableStatus": "ACTIVE",
                "MultiRegionConsistency": "STRONG",
                "Replicas": [
                    {"RegionName": NAMES.plan.site(other).region, "ReplicaStatus": "ACTIVE"}
                    for other in SITES
                    if other != each
                ],
                "GlobalTableWitnesses": [{"RegionName": NAMES.plan.sites.witness.region, "WitnessStatus": "ACTIVE"}],
                "SSEDescription": {"Status": "ENABLED", "SSEType": "KMS"},
                "DeletionProtectionEnabled": True,
                "PointInTimeRecoveryStatus": "ENABLED",
            }
            for each in SITES
        }

    def buckets(self) -> frozenset[str]:
        return frozenset(bucket for bucket, _ in self.settings)

    def key(self, arn: str, region: str) -> Mapping[str, Any]:
        return self.keys[arn]

    def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]:
        answer = self.settings.get((bucket, operation), {})
        return {"Policy": json.dumps(answer["Policy"])} if isinstance(answer.get("Policy"), dict) else answer

    def table(self, name: str, region: str) -> Mapping[str, Any]:
        return self.tables[region]

    def pod_identities(self, cluster: str, region: str) -> Mapping[str, str]:
        return {NAMES.dr_cluster: self.pods, "shop": self.prod_pods}[cluster]

    def trust(self, role_arn: str) -> Mapping[str, Any]:
        if role_arn == NAMES.role_arn("assets-replication"):
            return self.assets
        arns = (f"arn:aws:eks:us-west-2:123456789012:cluster/{NAMES.dr_cluster}", self.prod_cluster)
        tags = [{"StringEquals": {"aws:RequestTag/eks-cluster-arn": arn}} for arn in arns]
        return {"Statement": [{"Condition": each} for each in tags]}

    def simulate(
        self, role_arn: str, actions: tuple[str, ...], resource: str, context: Mapping[str, str]
    ) -> Mapping[str, bool]:
        document = self.policies[role_arn.rpartition("ultramarket-dr-")[2]]
        return {action: ask(document, action, resource, context) == "allow" for action in actions}


def policy_of(account: Account, bucket: str) -> list[dict[str, Any]]:
    """The statements of a bucket's policy, to be changed in place."""
    answer = account.settings[bucket, "get_bucket_policy"]
    answer["Policy"] = json.loads(answer["Policy"])
    return answer["Policy"]["Statement"]


def found(account: Account) -> dict[str, Finding]:
    """By name, as production's account sees itself."""
    return {each.name: each for each in check(NAMES, account)}
