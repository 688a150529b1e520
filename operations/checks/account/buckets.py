"""The buckets with copies, and the marker's: their settings as declared, or what is not."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Any

from operations.checks.account.policies import policy_faults
from operations.checks.account.view import FOUNDATION, View
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, Judged
from recovery.access.backup_account import bucket_grants
from recovery.access.buckets import CHECKERS_READ, backup_bucket_policy, marker_bucket_policy
from recovery.copies.lifecycle import assets_rules, lifecycle_rules
from recovery.copies.lifecycle_rule import LifecycleRule
from recovery.errors import Refused
from recovery.names import Names
from recovery.plan.plan import SiteName

_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
# The widest ranges that S3 does not call public (`recovery.access.buckets.marker_bucket_policy`).
_WIDEST = {4: 8, 6: 32}

Setting = Callable[[str], Mapping[str, Any]]


def backup_bucket(names: Names, view: View, site: SiteName, keys: dict[str, str]) -> Judged:
    """It also tells the key that it is encrypted under: `keys` gets it."""
    bucket, region = names.backup_bucket(site), names.plan.site(site).region

    def judge() -> Judged:
        setting = _settings(view, bucket, region)
        key, wrong = _key(setting, region)
        if key:
            keys[site] = key
        return _copies(names, site, bucket, setting, key, lifecycle_rules(names.plan, site), wrong)

    return in_its_account(names, site, judge)


def assets_bucket(names: Names, view: View, keys: Mapping[str, str], source: str) -> Judged:
    """The copy of production's static assets. `source`: production's bucket, empty when nothing copies it."""
    bucket, region = names.assets_bucket, names.plan.sites.dr.region

    def judge() -> Judged:
        setting = _settings(view, bucket, region)
        key, wrong = _key(setting, region)
        if key and keys.get("dr", key) != key:
            wrong.append("it is encrypted under another key than the backups")
        return _copies(names, "dr", bucket, setting, key, assets_rules(names.plan), wrong)

    if not source and bucket not in view.buckets():
        return Judged(OK, "there is none, as without foundation's `assetsBucket`")
    return in_its_account(names, "dr", judge)


def marker_bucket(names: Names, view: View) -> Judged:
    """Route 53's checkers alone may read it; their ranges are configured, so only their width can be judged."""
    bucket = names.marker_bucket
    setting = _settings(view, bucket, names.plan.sites.dr.region)
    wrong = _plain_faults(setting)
    if _by_default(setting).get("SSEAlgorithm") != "AES256":
        wrong.append("not under S3's own key: whoever signs nothing, as Route 53's checkers, reads nothing")
    policy = setting("get_bucket_policy").get("Policy", "")
    ranges = _ranges(policy)
    if not ranges:
        wrong.append("no checker may read the marker")
    wrong += [f"it lets {each} read the marker: no checker's range is so wide" for each in ranges if _wide(each)]
    wrong += policy_faults(policy, marker_bucket_policy(names, ranges), whole=True)
    wrong += _lifecycle(setting("get_bucket_lifecycle_configuration"), ())
    said = f"versioned, closed, policy as declared, readable by {len(ranges)} ranges of checkers"
    return _judged(bucket, wrong, said)


def in_its_account(names: Names, site: SiteName, judge: Callable[[], Judged]) -> Judged:
    """What is another account's is judged as far as it lets itself be read from here."""
    other = names.account_of_copies(site)
    try:
        return judge()
    except Refused as error:
        if other == names.account:
            raise
        return Judged(
            UNKNOWN,
            f"it is account {other}'s, which does not tell these credentials: {error.what}",
            f"sign in to account {other} (AWS's policy SecurityAudit) and run `dr check account` there too: it checks "
            "the buckets and the key there",
        )


def _settings(view: View, bucket: str, region: str) -> Setting:
    return lambda operation: view.bucket_setting(bucket, region, operation)


def _copies(
    names: Names,
    site: SiteName,
    bucket: str,
    setting: Setting,
    key: str,
    rules: tuple[LifecycleRule, ...],
    wrong: list[str],
) -> Judged:
    """A bucket with copies: what every bucket has, a lock, and the policy and lifecycle of `rules`."""
    wrong = [*_plain_faults(setting), *wrong]
    if not setting("get_object_lock_configuration").get("ObjectLockConfiguration", {}).get("ObjectLockEnabled"):
        wrong.append("no Object Lock: a copy can be deleted")
    break_glass = names.role_arn("break-glass", names.account_of_copies(site))
    declared = backup_bucket_policy(bucket, key, break_glass, bucket_grants(names, bucket))
    # With the login of the account of copies it is not known whose account production is.
    whole = names.account != names.plan.backup_account
    wrong += policy_faults(setting("get_bucket_policy").get("Policy", ""), declared, whole=whole)
    wrong += _lifecycle(setting("get_bucket_lifecycle_configuration"), rules)
    return _judged(bucket, wrong, "versioned, locked, encrypted, closed, policy and lifecycle as declared")


def _judged(bucket: str, wrong: list[str], said: str) -> Judged:
    return Judged(CRITICAL, f"{bucket}: {'; '.join(wrong)}", FOUNDATION) if wrong else Judged(OK, f"{bucket}: {said}")


def _plain_faults(setting: Setting) -> list[str]:
    """What every bucket of ours has."""
    wrong: list[str] = []
    if setting("get_bucket_versioning").get("Status") != "Enabled":
        wrong.append("versioning is off: an overwrite is final")
    if "SSE-C" not in _encryption(setting).get("BlockedEncryptionTypes", {}).get("EncryptionType", []):
        wrong.append("SSE-C is not blocked: an overwrite can be under a key that we do not have")
    closed = setting("get_public_access_block").get("PublicAccessBlockConfiguration", {})
    if not all(closed.get(switch) for switch in _CLOSED):
        wrong.append("public access is not blocked")
    owners = setting("get_bucket_ownership_controls").get("OwnershipControls", {}).get("Rules", [])
    if [each.get("ObjectOwnership") for each in owners] != ["BucketOwnerEnforced"]:
        wrong.append("ACLs are not switched off")
    return wrong


def _encryption(setting: Setting) -> Mapping[str, Any]:
    rules = setting("get_bucket_encryption").get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return next(iter(rules), {})


def _by_default(setting: Setting) -> Mapping[str, Any]:
    return _encryption(setting).get("ApplyServerSideEncryptionByDefault", {})


def _key(setting: Setting, region: str) -> tuple[str, list[str]]:
    """The ARN of the key that a bucket with copies is encrypted under; empty, with what is wrong, when it is not one of
    the region's."""
    found = str(_by_default(setting).get("KMSMasterKeyID", ""))
    return (found, []) if found.startswith(f"arn:aws:kms:{region}:") else ("", ["not encrypted under a key of ours"])


def _ranges(policy: str) -> list[str]:
    """Whom the marker's policy lets read it, as it says itself."""
    statements = json.loads(policy or '{"Statement": []}')["Statement"]
    found = next((each for each in statements if each.get("Sid") == CHECKERS_READ), {})
    said = found.get("Condition", {}).get("IpAddress", {}).get("aws:SourceIp", [])
    return [said] if isinstance(said, str) else [*said]


def _wide(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return True
    return network.prefixlen < _WIDEST[network.version]


def _lifecycle(answer: Mapping[str, Any], declared: tuple[LifecycleRule, ...]) -> list[str]:
    """Rules that are not as compiled from the plan, and rules that nobody declared."""
    found = {each.get("ID"): each for each in answer.get("Rules", []) if each.get("Status") == "Enabled"}
    wrong = [rule.id for rule in declared if rule.id not in found or _terms(found[rule.id]) != _declared_terms(rule)]
    foreign = sorted(str(name) for name in found.keys() - {rule.id for rule in declared})
    said = [f"lifecycle rule {name} is missing or has other terms" for name in wrong]
    return said + [f"lifecycle rule {name} is nobody's: it may end what it finds" for name in foreign]


def _terms(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a rule is for and when it acts. An `Expiration` by `Days` ends current versions, which none of ours does."""
    of = rule.get("Filter", {})
    moves = {each["StorageClass"]: each["Days"] for each in rule.get("Transitions", [])}
    return (
        of.get("And", of).get("Prefix", ""),
        of.get("And", of).get("ObjectSizeGreaterThan"),
        rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        moves,
        rule.get("Expiration", {}).get("Days"),
    )


def _declared_terms(rule: LifecycleRule) -> tuple[Any, ...]:
    moves = {each.storage_class: each.days for each in rule.transitions}
    return rule.prefix, rule.larger_than_bytes, rule.noncurrent_days, rule.abort_upload_days, moves, None
