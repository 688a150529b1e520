"""What S3 copies from production's region to the DR region's, and how."""

from collections.abc import Mapping
from typing import Any

from operations.checks.account.view import FOUNDATION, View
from operations.monitoring.findings import CRITICAL, OK, Judged
from recovery.access.documents import bucket_arn
from recovery.measured import REPLICATION_MINUTES
from recovery.names import REPLICATION_RULE, Names

ASSETS_DUTY = "assets-replication"


def backups(names: Names, view: View, keys: dict[str, str]) -> Judged:
    """Production's backup bucket. It also names the key of the copies, which the rest needs where the bucket itself is
    another account's."""
    return _judge(names, view, "replication", names.backup_bucket("prod"), names.backup_bucket("dr"), keys)


def assets(names: Names, view: View, keys: dict[str, str], source: str) -> Judged:
    """Production's bucket of static assets, `source`; empty when nothing copies it."""
    if not source:
        return Judged(OK, "no static assets are copied, as without foundation's `assetsBucket`")
    return _judge(names, view, ASSETS_DUTY, source, names.assets_bucket, keys)


def assets_source(names: Names, view: View) -> str:
    """Production's bucket of static assets is not ours to name: the role that copies it names it. Empty without one."""
    statements = view.trust(names.role_arn(ASSETS_DUTY)).get("Statement", [])
    arns = [each.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn", "") for each in statements]
    return next((arn.rpartition(":")[2] for arn in arns if arn), "")


def _judge(names: Names, view: View, duty: str, source: str, copy: str, keys: dict[str, str]) -> Judged:
    region = names.plan.sites.prod.region
    answer = view.bucket_setting(source, region, "get_bucket_replication").get("ReplicationConfiguration", {})
    rules = [each for each in answer.get("Rules", []) if each.get("Status") == "Enabled"]
    ours = [each for each in rules if each["Destination"]["Bucket"] == bucket_arn(copy)]
    if not ours:
        return Judged(CRITICAL, f"nothing copies {source} to {copy}", FOUNDATION)
    key = ours[0]["Destination"].get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID", "")
    if key:
        keys.setdefault("dr", key)
    wrong = _faults(ours[0])
    if key != keys.get("dr"):
        wrong.append("copies are not under the DR region's backup key")
    if any(each.get("DeleteMarkerReplication", {}).get("Status") == "Enabled" for each in rules):
        wrong.append("a deletion in production is carried to the DR bucket")
    wrong += [
        f"rule {each.get('ID')} is nobody's: it copies to {each['Destination']['Bucket']}"
        for each in rules
        if each is not ours[0]
    ]
    if answer.get("Role") != names.role_arn(duty):
        wrong.append(f"S3 copies as {answer.get('Role')}, not as {names.role_arn(duty)}")
    if wrong:
        return Judged(CRITICAL, f"{source} to {copy}: {'; '.join(wrong)}", FOUNDATION)
    minutes = f"{REPLICATION_MINUTES.value:.0f} min"
    return Judged(OK, f"{source} is copied to {copy} within {minutes}, with metrics; deletions are not")


def _faults(rule: Mapping[str, Any]) -> list[str]:
    """Of our rule, which copies the whole bucket, encrypted objects as well, in a promised time that is measured."""
    wrong: list[str] = []
    destination = rule["Destination"]
    if rule.get("ID") != REPLICATION_RULE:
        wrong.append(f"its rule is {rule.get('ID')}, and the alarms watch {REPLICATION_RULE}")
    if rule.get("Prefix") or any(rule.get("Filter", {}).values()):
        wrong.append("only a part of the bucket is copied")
    encrypted = rule.get("SourceSelectionCriteria", {}).get("SseKmsEncryptedObjects", {})
    if encrypted.get("Status") != "Enabled":
        wrong.append("what is encrypted under a key is not copied, which is all of it")
    time = destination.get("ReplicationTime", {})
    if time.get("Status") != "Enabled" or time.get("Time", {}).get("Minutes") != REPLICATION_MINUTES.value:
        wrong.append(
            f"without replication time control: no copy is promised within {REPLICATION_MINUTES.value:.0f} min"
        )
    if destination.get("Metrics", {}).get("Status") != "Enabled":
        wrong.append("without metrics: the alarms on late and failed copies hear nothing")
    if destination.get("StorageClass", "STANDARD") != "STANDARD":
        wrong.append(f"copies begin in {destination['StorageClass']}")
    return wrong
