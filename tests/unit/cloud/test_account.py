"""What AWS answers about an account, by botocore's own description of its APIs, and how it is read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cloud import account, session
from cloud.account import Account
from recovery.errors import Refused, Unreachable

ROLE = "arn:aws:iam::123456789012:role/ultramarket-dr-guard"
BUCKET = "ultramarket-backups-123456789012-us-west-2"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """service → a client whose questions and answers botocore checks."""
    stubs: dict[str, Stubber] = {}

    def stubbed(service: str, region: str) -> Stubber:
        if service not in stubs:
            stubs[service] = Stubber(session.client(service, region))
            stubs[service].activate()
        return stubs[service]

    monkeypatch.setattr(account, "client", lambda service, region: stubbed(service, region).client)
    yield stubbed
    for each in stubs.values():
        each.assert_no_pending_responses()


def test_a_bucket_s_settings_are_read_and_one_that_was_never_made_is_empty() -> None:
    with mock_aws():
        s3 = session.client("s3", "us-west-2")
        s3.create_bucket(
            Bucket=BUCKET,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": "us-west-2"},
        )
        view = Account()
        assert view.bucket_setting(BUCKET, "us-west-2", "get_bucket_versioning") == {"Status": "Enabled"}
        locked = view.bucket_setting(BUCKET, "us-west-2", "get_object_lock_configuration")
        assert locked["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"
        for operation in ("get_bucket_policy", "get_bucket_lifecycle_configuration", "get_public_access_block"):
            assert view.bucket_setting(BUCKET, "us-west-2", operation) == {}
        for operation in ("get_bucket_replication", "get_bucket_ownership_controls"):
            assert view.bucket_setting(BUCKET, "us-west-2", operation) == {}
        with pytest.raises(Refused, match=r"read bucket_versioning of nowhere in us-west-2: NoSuchBucket"):
            view.bucket_setting("nowhere", "us-west-2", "get_bucket_versioning")


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_a_setting_that_moto_makes_up_is_empty_as_s3_words_it(stub: Any, operation: str, code: str) -> None:
    stub("s3", "us-west-2").add_client_error(operation, code)
    assert Account().bucket_setting(BUCKET, "us-west-2", operation) == {}


def test_who_may_take_a_role_is_read_from_the_role_itself() -> None:
    pods = {"Service": "pods.eks.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": pods, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    with mock_aws():
        iam = session.client("iam", "us-east-1")
        iam.create_role(RoleName="ultramarket-dr-guard", AssumeRolePolicyDocument=json.dumps(trust))
        assert Account().trust(ROLE) == trust
        assert Account().trust(ROLE.replace("guard", "nobody")) == {}


def test_the_account_s_buckets_are_listed() -> None:
    with mock_aws():
        session.client("s3", "us-east-1").create_bucket(Bucket="shop-assets")
        assert Account().buckets() == {"shop-assets"}


def test_a_key_is_described_with_its_policy_and_its_rotation_while_it_is_enabled() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "All", "Effect": "Allow", "Principal": "*"}]}
    with mock_aws():
        kms = session.client("kms", "us-west-2")
        arn = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
        found = Account().key(arn, "us-west-2")
        assert (found["KeyState"], found["KeyManager"], found["KeyRotationEnabled"]) == ("Enabled", "CUSTOMER", False)
        assert json.loads(found["Policy"]) == policy
        kms.enable_key_rotation(KeyId=arn)
        assert Account().key(arn, "us-west-2")["KeyRotationEnabled"] is True
        kms.schedule_key_deletion(KeyId=arn.rpartition("/")[2])
        ending = Account().key(arn, "us-west-2")
        assert (ending["KeyState"], ending.get("KeyRotationEnabled")) == ("PendingDeletion", None)
        with pytest.raises(Refused, match=r"describe key .*0123456789ab in us-west-2: NotFound"):
            Account().key(arn[:-12] + "0123456789ab", "us-west-2")


def test_a_table_is_described_with_its_consistency_and_its_own_backups(stub: Any) -> None:
    dynamodb = stub("dynamodb", "us-east-1")
    named = {"TableName": "t"}
    table = {"TableStatus": "ACTIVE", "MultiRegionConsistency": "STRONG"}
    table["GlobalTableWitnesses"] = [{"RegionName": "us-east-2", "WitnessStatus": "ACTIVE"}]  # type: ignore[assignment]
    dynamodb.add_response("describe_table", {"Table": table}, named)
    recovery = {"PointInTimeRecoveryStatus": "ENABLED"}
    continuous = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
    dynamodb.add_response("describe_continuous_backups", {"ContinuousBackupsDescription": continuous}, named)
    assert Account().table("t", "us-east-1") == {**table, "PointInTimeRecoveryStatus": "ENABLED"}


def test_pod_identities_are_read_page_by_page(stub: Any) -> None:
    eks = stub("eks", "us-west-2")
    for number, token in ((1, "more"), (2, None)):
        page: dict[str, Any] = {"associations": [{"clusterName": "c", "associationId": f"a-{number}"}]}
        asked = {"clusterName": "c", **({"nextToken": "more"} if number == 2 else {})}
        eks.add_response("list_pod_identity_associations", page | ({"nextToken": token} if token else {}), asked)
    for number in (1, 2):
        one = {"namespace": "n", "serviceAccount": f"s{number}", "roleArn": ROLE}
        asked = {"clusterName": "c", "associationId": f"a-{number}"}
        eks.add_response("describe_pod_identity_association", {"association": one}, asked)
    assert Account().pod_identities("c", "us-west-2") == {"n/s1": ROLE, "n/s2": ROLE}


def test_the_simulator_is_asked_with_the_type_of_every_condition_key(stub: Any) -> None:
    decisions = (("dynamodb:GetItem", "allowed"), ("dynamodb:PutItem", "implicitDeny"))
    answer = {
        "EvaluationResults": [{"EvalActionName": action, "EvalDecision": said} for action, said in decisions],
        "IsTruncated": False,
    }
    context = {
        "dynamodb:LeadingKeys": ("lease", "stringList"),
        "s3:object-lock-remaining-retention-days": ("30", "numeric"),
        "kms:ViaService": ("s3.us-west-2.amazonaws.com", "string"),
    }
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}
        for key, (value, kind) in context.items()
    ]
    asked = {
        "PolicySourceArn": ROLE,
        "ActionNames": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "ResourceArns": ["r"],
        "ContextEntries": entries,
    }
    stub("iam", "us-east-1").add_response("simulate_principal_policy", answer, asked)
    values = {key: value for key, (value, _) in context.items()}
    said = Account().simulate(ROLE, ("dynamodb:GetItem", "dynamodb:PutItem"), "r", values)
    assert said == {"dynamodb:GetItem": True, "dynamodb:PutItem": False}


def test_a_refusal_says_which_credentials_would_do(stub: Any) -> None:
    stub("iam", "us-east-1").add_client_error("simulate_principal_policy", "AccessDenied", "not you")
    with pytest.raises(Refused, match="AccessDenied: not you") as refused:
        Account().simulate(ROLE, ("s3:GetObject",), "r", {})
    assert "SecurityAudit" in refused.value.next_step


def test_a_region_that_is_silent_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Unreachable, match="us-west-2 did not answer"):
        Account().pod_identities("c", "us-west-2")
