"""What protects copies: buckets, keys, the control table."""

from collections.abc import Sequence

from policy.comparisons import contains_all, fixed, kept, longer, must_be, neutral, said, shorter, watched
from policy.lifecycle_rules import lifecycle
from policy.needs import bucket_policy, key_policy
from policy.plans import ranked, recovery_bundle
from policy.rule import Change, Kind, Rule, Subject
from policy.values import MISSING, at
from policy.verdict import Judgement, Verdict

_DESTROYS = fixed(Verdict.DESTRUCTIVE)
_ENCRYPTION = "rules[*].applyServerSideEncryptionByDefault"
_DESTINATION = "rules[*].destination"


def _holds_a_bundle(subject: Subject) -> bool:
    return str(at(subject.inputs, "key")).startswith("bundle/")


def _replica() -> Kind:
    """A replica of the control table: one more helps when a read of it says who holds the lease."""

    def compare(change: Change, reason: str) -> Sequence[Judgement] | None:
        # Without a mode DynamoDB makes a replica of eventual consistency.
        if change.old is MISSING and at(change.new, "consistencyMode") != "STRONG":
            return said(change, Verdict.WEAKER, "two sites may both read that they hold the lease")
        return kept().compare(change, reason)

    return Kind("kept", compare)


STORAGE_RULES: dict[str, tuple[Rule, ...]] = {
    "aws:s3/bucket:Bucket": (
        Rule("bucket", _DESTROYS, "another name is another bucket; the copies stay behind"),
        Rule("objectLockEnabled", _DESTROYS, "Object Lock is chosen at creation: another bucket"),
        Rule("forceDestroy", must_be(False, default=False), "a destroy would delete every version in it"),
        Rule("acl", fixed(), "public access: ACLs are off here"),
        Rule("policy", bucket_policy(), "who reaches the bucket"),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (
        Rule("versioningConfiguration", kept(), "versioning"),
        Rule("versioningConfiguration.status", must_be("Enabled"), "an overwrite would be final"),
        Rule(
            "versioningConfiguration.mfaDelete",
            ranked("Disabled", "Enabled", least="Disabled"),
            "versions end without MFA",
        ),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        Rule("rules", kept(), "encryption"),
        Rule(
            f"{_ENCRYPTION}.sseAlgorithm",
            ranked("AES256", "aws:kms", "aws:kms:dsse", least="AES256"),
            "a weaker encryption",
        ),
        Rule(f"{_ENCRYPTION}.kmsMasterKeyId", watched(), "new copies under another key"),
        Rule("rules[*].bucketKeyEnabled", neutral(), "what requests to KMS cost"),
        Rule("rules[*].blockedEncryptionTypes", contains_all(), "objects under a foreign key: ransom"),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": tuple(
        Rule(switch, must_be(True, default=False), "public access")
        for switch in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        Rule("rule.objectOwnership", must_be("BucketOwnerEnforced"), "public access: ACLs would count again"),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (Rule("policy", bucket_policy(), "who may end or open copies"),),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        Rule("rules", lifecycle(), "retention shortened"),
        Rule("transitionDefaultMinimumObjectSize", watched(), "other objects move"),
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": (
        Rule("rule", kept(), "the lock every object gets"),
        Rule("rule.defaultRetention.mode", ranked("GOVERNANCE", "COMPLIANCE"), "lock relaxed"),
        Rule("rule.defaultRetention.days", longer(), "retention shortened"),
        Rule("rule.defaultRetention.years", longer(), "retention shortened"),
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": (
        Rule("role", watched(), "another role copies"),
        Rule("rules", kept(), "replication off"),
        # Of two rules that fit, the one of higher priority wins: a new one can take objects from those there are.
        Rule("rules[*]", kept(more=Verdict.UNJUDGED), "replication off, or another rule that takes precedence"),
        Rule("rules[*].status", must_be("Enabled"), "replication off"),
        Rule("rules[*].filter", fixed(), "replication off for what the filter leaves out"),
        Rule("rules[*].priority", watched(), "which rule wins"),
        Rule("rules[*].deleteMarkerReplication.status", must_be("Disabled"), "a deletion would propagate"),
        Rule("rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status", must_be("Enabled"), "replication off"),
        Rule(f"{_DESTINATION}.bucket", fixed(), "copies go to another bucket"),
        Rule(f"{_DESTINATION}.account", watched(), "copies go to another account"),
        Rule(
            f"{_DESTINATION}.storageClass",
            ranked("DEEP_ARCHIVE", "GLACIER", "STANDARD_IA", "STANDARD", least="STANDARD_IA"),
            "slow reads",
        ),
        Rule(f"{_DESTINATION}.encryptionConfiguration.replicaKmsKeyId", watched(), "replicas under another key"),
        Rule(f"{_DESTINATION}.replicationTime", kept(), "replication without a promised time"),
        Rule(f"{_DESTINATION}.replicationTime.status", must_be("Enabled"), "replication without a promised time"),
        Rule(f"{_DESTINATION}.replicationTime.time.minutes", shorter(), "replication is promised later"),
        Rule(f"{_DESTINATION}.metrics", kept(), "nobody sees that replication lags"),
        Rule(f"{_DESTINATION}.metrics.status", must_be("Enabled"), "nobody sees that replication lags"),
        Rule(f"{_DESTINATION}.metrics.eventThreshold.minutes", shorter(), "a lag is seen later"),
    ),
    "aws:s3/bucketLogging:BucketLogging": (
        Rule("targetBucket", watched(), "access logs go elsewhere"),
        Rule("targetPrefix", neutral(), "where access logs lie"),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        Rule("content", recovery_bundle(), "promotion goes by the bundle", _holds_a_bundle),
        Rule("content", fixed(), "the canary's check looks for this very text"),
        Rule("key", _DESTROYS, "another object"),
        Rule("bucket", _DESTROYS, "another bucket"),
        Rule("contentType", neutral(), "how browsers show it"),
    ),
    "aws:kms/key:Key": (
        Rule("deletionWindowInDays", longer(default=30), "less time to notice a key's deletion"),
        Rule("enableKeyRotation", must_be(True, default=False), "the key no longer rotates"),
        Rule("rotationPeriodInDays", shorter(default=365), "the key rotates less often"),
        Rule("isEnabled", must_be(True, default=True), "a disabled key reads no copy"),
        Rule("bypassPolicyLockoutSafetyCheck", must_be(False, default=False), "a policy may lock everybody out"),
        Rule("policy", key_policy(), "who may use or end the key"),
        Rule("multiRegion", _DESTROYS, "another key"),
        Rule("keyUsage", _DESTROYS, "another key"),
        Rule("customerMasterKeySpec", _DESTROYS, "another key"),
    ),
    "aws:kms/replicaKey:ReplicaKey": (
        Rule("deletionWindowInDays", longer(default=30), "less time to notice a key's deletion"),
        Rule("enabled", must_be(True, default=True), "a disabled key reads no copy"),
        Rule("policy", key_policy(), "who may use or end the key"),
        Rule("primaryKeyArn", _DESTROYS, "another key"),
    ),
    "aws:kms/alias:Alias": (
        Rule("name", watched(), "another alias"),
        Rule("targetKeyId", watched(), "the alias names another key"),
    ),
    "aws:dynamodb/table:Table": (
        Rule("name", _DESTROYS, "another table: lease and journal stay behind"),
        Rule("hashKey", _DESTROYS, "another table"),
        Rule("rangeKey", _DESTROYS, "another table"),
        Rule("attributes", watched(), "another key schema"),
        Rule("deletionProtectionEnabled", must_be(True, default=False), "protection off: the lease can be deleted"),
        Rule("pointInTimeRecovery.enabled", must_be(True, default=False), "PITR off"),
        Rule("serverSideEncryption.enabled", must_be(True, default=False), "a weaker encryption"),
        Rule("serverSideEncryption.kmsKeyArn", watched(), "another key"),
        Rule("globalTableWitness", kept(), "without a witness the regions cannot agree"),
        Rule("globalTableWitness.regionName", watched(), "another witness"),
        Rule("replicas", kept(), "a replica dropped"),
        Rule(
            "replicas[*]",
            _replica(),
            "a replica dropped: its region can no longer answer for the lease",
        ),
        Rule("replicas[*].consistencyMode", must_be("STRONG"), "two sites may both read that they hold the lease"),
        Rule("replicas[*].deletionProtectionEnabled", must_be(True, default=False), "protection off"),
        Rule("replicas[*].pointInTimeRecovery", must_be(True, default=False), "PITR off"),
        Rule("ttl", fixed(absent=True), "items would vanish: the lease and the journal have no end"),
        Rule("billingMode", ranked("PROVISIONED", "PAY_PER_REQUEST"), "a throttled renewal closes the gate"),
        Rule("streamEnabled", neutral(), "who listens to changes"),
        Rule("streamViewType", neutral(), "who listens to changes"),
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": (
        Rule("minRetentionDays", longer(), "retention shortened"),
        Rule("maxRetentionDays", longer(), "retention shortened"),
    ),
}
