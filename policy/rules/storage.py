"""What protects copies: buckets, keys, the control table."""

from collections.abc import Sequence

from policy.comparisons.basic import contains_all, fixed, kept, longer, must_be, ranked, shorter
from policy.comparisons.copies_need import BUCKET_POLICY, KEY_POLICY
from policy.comparisons.lifecycle import lifecycle
from policy.comparisons.texts import recovery_bundle
from policy.rule import Change, Rule, Subject, kind
from policy.rules.plan import PLAN_RULES
from policy.rules.shorthand import DESTROYS, OFF, ON, Known, each, ends, holds, ignore, protects
from policy.values import MISSING, at
from policy.verdict import Judgement, Verdict
from recovery.access.buckets import PUBLIC_ACCESS_SWITCHES

_ALGORITHMS = ranked("AES256", "aws:kms", "aws:kms:dsse", least="AES256")
_CLASSES = ranked("DEEP_ARCHIVE", "GLACIER", "STANDARD_IA", "STANDARD", least="STANDARD_IA")
_NO_DELETIONS = must_be("Disabled", default="Enabled")
_ENCRYPTED_TOO = must_be("Enabled", default="Disabled")
_ONE_TRUTH = must_be("STRONG", default="EVENTUAL")
_TO = "rules[*].destination"
_DELETION = "deletionProtectionEnabled"


def _holds_a_bundle(subject: Subject) -> bool:
    return str(at(subject.inputs, "key")).startswith("bundle/")


@kind()
def _replica(change: Change, reason: str) -> Sequence[Judgement] | None:
    """A replica of the control table: one more helps when a read of it says who holds the lease."""
    # Without a mode DynamoDB makes a replica of eventual consistency.
    if change.old is MISSING and at(change.new, "consistencyMode") != "STRONG":
        return change.said(Verdict.WEAKER, "two sites may both read that they hold the lease")
    return kept().compare(change, reason)


def _switched_on(path: str, reason: str) -> tuple[Rule, Rule]:
    """For a block that must be there, with the status `Enabled`."""
    return Rule(path, kept(), reason), Rule(f"{path}.status", must_be("Enabled"), reason)


STORAGE_RULES: dict[str, Known] = {
    "aws:s3/bucket:Bucket": (
        holds("copies, or the marker"),
        *each("bucket objectLockEnabled", DESTROYS, "chosen at creation: another bucket, and the copies stay behind"),
        Rule("forceDestroy", OFF, "a destroy would delete every version in it"),
        Rule("acl", fixed(), "public access: ACLs are off here"),
        Rule("policy", BUCKET_POLICY, "who reaches the bucket"),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (
        protects("versioning off: an overwrite is final"),
        *_switched_on("versioningConfiguration", "versioning: without it an overwrite would be final"),
        Rule("versioningConfiguration.mfaDelete", ranked("Disabled", "Enabled", least="Disabled"), "ends without MFA"),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        protects("encryption gone"),
        Rule("rules", kept(), "encryption"),
        Rule("rules[*].applyServerSideEncryptionByDefault.sseAlgorithm", _ALGORITHMS, "a weaker encryption"),
        Rule("rules[*].blockedEncryptionTypes", contains_all(), "objects under a foreign key: ransom"),
        *ignore("rules[*].bucketKeyEnabled"),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        protects("public access no longer blocked"),
        *each(" ".join(PUBLIC_ACCESS_SWITCHES), ON, "public access"),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        protects("ACLs would count again"),
        Rule("rule.objectOwnership", must_be("BucketOwnerEnforced"), "public access: ACLs would count again"),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (
        protects("every deny statement removed"),
        Rule("policy", BUCKET_POLICY, "who may end or open copies"),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        protects("noncurrent versions and archives unruled"),
        Rule("rules", lifecycle, "retention shortened"),
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": (
        protects("replication off"),
        Rule("rules", kept(), "replication off"),
        # Of two rules that fit, the one of higher priority wins: a new one can take objects from those there are.
        Rule("rules[*]", kept(come=Verdict.UNJUDGED), "replication off, or another rule that takes precedence"),
        Rule("rules[*].status", must_be("Enabled"), "replication off"),
        Rule("rules[*].filter", fixed(), "replication off for what the filter leaves out"),
        # Without a filter, as in the first version of the format, S3 replicates deletions; and what KMS encrypts never.
        Rule("rules[*].deleteMarkerReplication.status", _NO_DELETIONS, "a deletion would propagate"),
        Rule("rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status", _ENCRYPTED_TOO, "replication off"),
        Rule(f"{_TO}.bucket", fixed(), "copies go to another bucket"),
        Rule(f"{_TO}.storageClass", _CLASSES, "slow reads"),
        *_switched_on(f"{_TO}.replicationTime", "replication without a promised time"),
        Rule(f"{_TO}.replicationTime.time.minutes", shorter(), "replication is promised later"),
        *_switched_on(f"{_TO}.metrics", "nobody sees that replication lags"),
        Rule(f"{_TO}.metrics.eventThreshold.minutes", shorter(), "a lag is seen later"),
    ),
    "aws:s3/bucketLogging:BucketLogging": (protects("no access log"), *ignore("targetPrefix")),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        holds("the bundle, or the canary"),
        Rule("content", recovery_bundle(PLAN_RULES), "promotion goes by the bundle", _holds_a_bundle),
        Rule("content", fixed(), "the canary's check looks for this very text"),
        *each("key bucket", DESTROYS, "another object"),
        *ignore("contentType"),
    ),
    "aws:kms/key:Key": (
        holds("without the key no copy can be read"),
        Rule("deletionWindowInDays", longer(default=30), "less time to notice a key's deletion"),
        Rule("enableKeyRotation", ON, "the key no longer rotates"),
        Rule("rotationPeriodInDays", shorter(default=365), "the key rotates less often"),
        Rule("isEnabled", must_be(True, default=True), "a disabled key reads no copy"),
        Rule("bypassPolicyLockoutSafetyCheck", OFF, "a policy may lock everybody out"),
        Rule("policy", KEY_POLICY, "who may use or end the key"),
        *each("multiRegion keyUsage customerMasterKeySpec", DESTROYS, "another key"),
    ),
    "aws:kms/alias:Alias": (ends("the key is no longer found by its name"),),
    "aws:ebs/encryptionByDefault:EncryptionByDefault": (
        protects("new disks of the region are not encrypted"),
        Rule("enabled", must_be(True, default=True), "new disks of the region, the nodes' too, are not encrypted"),
    ),
    "aws:dynamodb/table:Table": (
        holds("the lease and the journal"),
        *each("name hashKey rangeKey", DESTROYS, "another table: lease and journal stay behind"),
        *each(f"{_DELETION} replicas[*].{_DELETION}", ON, "protection off: the lease can be deleted"),
        *each("pointInTimeRecovery.enabled replicas[*].pointInTimeRecovery", ON, "PITR off"),
        Rule("serverSideEncryption.enabled", ON, "a weaker encryption"),
        Rule("globalTableWitness", kept(), "without a witness the regions cannot agree"),
        Rule("replicas", kept(), "a replica dropped"),
        Rule("replicas[*]", _replica, "a replica dropped: its region can no longer answer for the lease"),
        Rule("replicas[*].consistencyMode", _ONE_TRUTH, "two sites may both read that they hold the lease"),
        Rule("ttl", fixed(absent=True), "items would vanish: the lease and the journal have no end"),
        Rule("billingMode", ranked("PROVISIONED", "PAY_PER_REQUEST"), "a throttled renewal closes the gate"),
        *ignore("streamEnabled streamViewType"),
    ),
}
