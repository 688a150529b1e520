"""`dr check account`: whether an AWS account holds what the stacks declare. Reads only."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding, Judged, finding_of
from recovery.access.buckets import backup_bucket_policy
from recovery.access.documents import bucket_arn
from recovery.access.duties import duty_policies
from recovery.access.simulation import questions
from recovery.copies.lifecycle import lifecycle_rules
from recovery.copies.lifecycle_rule import LifecycleRule
from recovery.errors import Refused
from recovery.names import ACCOUNT_OF_DUTY, Names, sites_of_duty
from recovery.plan.plan import SITES, SiteName

_FOUNDATION = "run `pulumi preview --refresh --diff --stack foundation`: it shows who changed what"
_CLUSTER_TAG = "aws:RequestTag/eks-cluster-arn"
_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class View(Protocol):
    """An account as it is; `cloud.account.Account`. Every method raises DrError."""

    def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]: ...
    def table(self, name: str, region: str) -> Mapping[str, Any]: ...
    def pod_identities(self, cluster: str, region: str) -> Mapping[str, str]: ...
    def trust(self, role_arn: str) -> Mapping[str, Any]: ...
    def simulate(
        self, role_arn: str, actions: tuple[str, ...], resource: str, context: Mapping[str, str]
    ) -> Mapping[str, bool]: ...


def check(names: Names, view: View) -> Iterator[Finding]:
    """One finding after the other, as they become known. With the login of an account that holds copies alone, that is
    their bucket."""
    keys: dict[str, str] = {}
    if names.account == names.plan.backup_account:
        yield finding_of("bucket dr", lambda: _bucket(names, view, "dr", keys))
        return
    for site in SITES:
        yield finding_of(f"bucket {site}", lambda site=site: _own_bucket(names, view, site, keys))
    yield finding_of("replication", lambda: _replication(names, view, keys))
    for site in SITES:
        yield finding_of(f"control table {site}", lambda site=site: _table(names, view, site))
    for site in SITES:
        yield finding_of(f"pod identities {site}", lambda site=site: _pods(names, view, site))
    for duty in ACCOUNT_OF_DUTY:
        yield finding_of(f"duty {duty}", lambda duty=duty: _duty(names, view, duty, keys))


def _own_bucket(names: Names, view: View, site: SiteName, keys: dict[str, str]) -> Judged:
    """Also one in another account, as far as that lets itself be read from here."""
    try:
        return _bucket(names, view, site, keys)
    except Refused as error:
        other = names.account_of_copies(site)
        if other == names.account:
            raise
        return Judged(
            UNKNOWN,
            f"it is account {other}'s, which does not tell these credentials: {error.what}",
            f"sign in to account {other} (AWS's policy SecurityAudit) and run `dr check account` there too: it checks "
            "that bucket's settings, policy and lifecycle",
        )


def _bucket(names: Names, view: View, site: SiteName, keys: dict[str, str]) -> Judged:
    bucket, region = names.backup_bucket(site), names.plan.site(site).region

    def setting(operation: str) -> Mapping[str, Any]:
        return view.bucket_setting(bucket, region, operation)

    wrong: list[str] = []
    if setting("get_bucket_versioning").get("Status") != "Enabled":
        wrong.append("versioning is off: an overwrite is final")
    if not setting("get_object_lock_configuration").get("ObjectLockConfiguration", {}).get("ObjectLockEnabled"):
        wrong.append("no Object Lock: a copy can be deleted")
    rules = setting("get_bucket_encryption").get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    key = next((each.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", "") for each in rules), "")
    if key.startswith(f"arn:aws:kms:{region}:"):
        keys[site] = key
    else:
        wrong.append("not encrypted under a key of ours")
    closed = setting("get_public_access_block").get("PublicAccessBlockConfiguration", {})
    if not all(closed.get(switch) for switch in _CLOSED):
        wrong.append("public access is not blocked")
    wrong += _policy(setting("get_bucket_policy"), names, site, key)
    wrong += _lifecycle(setting("get_bucket_lifecycle_configuration"), lifecycle_rules(names.plan, site))
    if wrong:
        return Judged(CRITICAL, f"{bucket}: {'; '.join(wrong)}", _FOUNDATION)
    return Judged(OK, f"{bucket}: versioned, locked, encrypted, closed, policy and lifecycle as declared")


def _policy(answer: Mapping[str, Any], names: Names, site: SiteName, key: str) -> list[str]:
    """Declared statements that are not there as declared. What is there besides may be another account's grants."""
    found = [_plain(each) for each in json.loads(answer.get("Policy") or '{"Statement": []}')["Statement"]]
    break_glass = names.role_arn("break-glass", names.account_of_copies(site))
    declared = backup_bucket_policy(names.backup_bucket(site), key, break_glass)["Statement"]
    missing = [each["Sid"] for each in declared if _plain(each) not in found]
    return [f"its policy lacks or changes {', '.join(missing)}"] if missing else []


def _plain(part: Any) -> Any:
    """A part of a policy in one spelling: AWS may answer a list of one as its element, and lists in another order."""
    if isinstance(part, dict):
        return {str(key): _plain(value) for key, value in part.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(part, list):
        items = sorted(str(each) for each in part)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return items if len(items) != 1 else items[0]
    return part


def _lifecycle(answer: Mapping[str, Any], declared: tuple[LifecycleRule, ...]) -> list[str]:
    """Rules that are not as compiled from the plan, and rules that nobody declared."""
    found = {each.get("ID"): each for each in answer.get("Rules", []) if each.get("Status") == "Enabled"}
    wrong = [rule.id for rule in declared if rule.id not in found or _days(found[rule.id]) != _declared_days(rule)]
    foreign = sorted(str(name) for name in found.keys() - {rule.id for rule in declared})
    said = [f"lifecycle rule {name} is missing or has other days" for name in wrong]
    return said + [f"lifecycle rule {name} is nobody's: it may end copies" for name in foreign]


def _days(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    moves = {each["StorageClass"]: each["Days"] for each in rule.get("Transitions", [])}
    ends = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    return ends, moves, rule.get("Expiration", {}).get("Days")


def _declared_days(rule: LifecycleRule) -> tuple[Any, ...]:
    return rule.noncurrent_days, {each.storage_class: each.days for each in rule.transitions}, None


def _replication(names: Names, view: View, keys: dict[str, str]) -> Judged:
    """It also names the key of the copies, which the simulator needs where the bucket itself is another account's."""
    source, region = names.backup_bucket("prod"), names.plan.sites.prod.region
    answer = view.bucket_setting(source, region, "get_bucket_replication").get("ReplicationConfiguration", {})
    rules = [each for each in answer.get("Rules", []) if each.get("Status") == "Enabled"]
    to = {each["Destination"]["Bucket"]: each["Destination"] for each in rules}
    copies = to.get(bucket_arn(names.backup_bucket("dr")), {})
    if key := copies.get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID"):
        keys.setdefault("dr", key)
    if bucket_arn(names.backup_bucket("dr")) not in to:
        return Judged(CRITICAL, f"nothing copies {source} to {names.backup_bucket('dr')}", _FOUNDATION)
    if any(each.get("DeleteMarkerReplication", {}).get("Status") == "Enabled" for each in rules):
        return Judged(CRITICAL, "a deletion in production is carried to the DR bucket", _FOUNDATION)
    return Judged(OK, f"{source} is copied to {names.backup_bucket('dr')}, deletions are not")


def _table(names: Names, view: View, site: SiteName) -> Judged:
    plan, region = names.plan, names.plan.site(site).region
    found = view.table(names.control_table, region)
    wrong: list[str] = []
    if found.get("TableStatus") != "ACTIVE":
        wrong.append(f"it is {found.get('TableStatus')}")
    if found.get("MultiRegionConsistency") != "STRONG":
        wrong.append(f"its consistency is {found.get('MultiRegionConsistency') or 'EVENTUAL'}: two sites could write")
    witnesses = [each.get("RegionName") for each in found.get("GlobalTableWitnesses", [])]
    if plan.sites.witness.region not in witnesses:
        wrong.append(f"no witness in {plan.sites.witness.region}: with one region gone nobody could take the lease")
    if not found.get("DeletionProtectionEnabled"):
        wrong.append("it is not protected from deletion")
    if found.get("PointInTimeRecoveryStatus") != "ENABLED":
        wrong.append("no point-in-time recovery")
    if wrong:
        return Judged(CRITICAL, f"{names.control_table} in {region}: {'; '.join(wrong)}", _FOUNDATION)
    return Judged(OK, f"{names.control_table} in {region}: strongly consistent, witness in {plan.sites.witness.region}")


def _pods(names: Names, view: View, where: SiteName) -> Judged:
    """Who in a site's cluster acts under which role. One that nobody declared is as bad as one that is missing."""
    site = names.plan.site(where)
    found = view.pod_identities(_cluster(names, view, where), site.region)
    expected = {
        f"{site.namespace}/{account}": names.role_arn(duty)
        for duty, account in ACCOUNT_OF_DUTY.items()
        if where in sites_of_duty(duty)
    }
    ours = {names.role_arn(duty) for duty in ACCOUNT_OF_DUTY}
    wrong = [
        f"{pods} acts as {role}"
        for pods, role in sorted(found.items())
        if (pods in expected or role in ours) and expected.get(pods) != role
    ]
    guard = f"{site.namespace}/{ACCOUNT_OF_DUTY['guard']}"
    if guard not in found:
        wrong.append(f"{guard} has no role: the guard cannot renew, and the gate stays shut")
    if wrong:
        next_step = f"run `pulumi preview --refresh --diff --stack {where}`: it shows who changed what"
        return Judged(CRITICAL, "; ".join(wrong), next_step)
    absent = [pods.rpartition("/")[2] for pods in expected if pods not in found]
    return Judged(OK, f"{len(found)} as declared" + (f"; no Pods yet of {', '.join(absent)}" if absent else ""))


def _cluster(names: Names, view: View, where: SiteName) -> str:
    """Its name. Production's is not ours to choose: the guard's role names it, whose Pods there may take it."""
    if where == "dr":
        return names.dr_cluster
    statements = view.trust(names.role_arn("guard")).get("Statement", [])
    arns = [each.get("Condition", {}).get("StringEquals", {}).get(_CLUSTER_TAG, "") for each in statements]
    region = names.plan.site(where).region
    found = [arn.rpartition("/")[2] for arn in arns if arn.startswith(f"arn:aws:eks:{region}:")]
    if not found:
        raise Refused(f"the guard's role trusts no cluster in {region}", next_step=_FOUNDATION)
    return found[0]


def _duty(names: Names, view: View, duty: str, keys: Mapping[str, str]) -> Judged:
    """What IAM's simulator says of every call the duty needs, and of those it must not be allowed."""
    if len(keys) < len(SITES):
        return Judged(UNKNOWN, "the buckets' keys are not known, see above")
    role = names.role_arn(duty)
    refused: set[str] = set()
    allowed: set[str] = set()
    asked = 0
    for question in questions(names, duty_policies(names, keys)[duty]):
        answers = view.simulate(role, question.actions, question.resource, question.context)
        asked += len(answers)
        where = f"on {question.resource}"
        if question.allowed:
            refused |= {f"{action} {where}" for action in question.actions if not answers.get(action)}
        else:
            allowed |= {f"{action} {where}" for action in question.actions if answers.get(action)}
    if allowed:
        return Judged(CRITICAL, f"it may do what no duty may: {', '.join(sorted(allowed))}", _FOUNDATION)
    if refused:
        return Judged(WARNING, f"it may not do what it is for: {', '.join(sorted(refused))}", _FOUNDATION)
    return Judged(OK, f"{asked} calls simulated, all as declared")
