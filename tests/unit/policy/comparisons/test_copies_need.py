"""What copies need from policies, and when one pattern covers another."""

from typing import Any

import pytest

from policy.comparisons.copies_need import BUCKET_POLICY, KEY_POLICY, ROLE_POLICY, TRUST_POLICY
from policy.comparisons.patterns import within
from policy.rule import Kind
from policy.verdict import Verdict
from tests.support.policy_documents import MFA, UNLESS, allow, ask, deny, source
from tests.support.review_cases import C, S, W, document, statement

ROOT = {"Principal": {"AWS": "arn:aws:iam::1:root"}}
REPLICATES = ["s3:ReplicateObject", "s3:ReplicateTags"]
RENEWS = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
TABLE = {"resources": "arn:aws:dynamodb:us-west-2:1:table/control"}
BOUND = {"NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": 30}}
VIA_S3 = {"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}
PLAIN_TEXT = {"Bool": {"aws:SecureTransport": "false"}}
KEY, BUCKET, ROLE, TRUST = KEY_POLICY, BUCKET_POLICY, ROLE_POLICY, TRUST_POLICY


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        # Replication.
        (ROLE, [allow(REPLICATES)], [], [W]),
        (ROLE, [allow(REPLICATES)], [allow(REPLICATES[:1])], [C]),
        (ROLE, [allow("s3:Replicate*")], [allow("s3:ReplicateTags")], [W]),
        (ROLE, [allow("s3:GetObjectVersionForReplication")], [], [W]),
        (ROLE, [], [statement("Deny", "s3:ReplicateObject")], [W]),
        (BUCKET, [allow(REPLICATES, **ROOT)], [], [W]),
        (BUCKET, [], [deny("s3:ReplicateObject")], [W]),
        # Writing and reading copies.
        (ROLE, [allow("s3:PutObject")], [], [C]),
        (ROLE, [allow("s3:PutObject")], [allow("s3:PutObject", Condition=MFA)], [C]),
        (ROLE, [allow("kms:Decrypt")], [], [C]),
        (ROLE, [allow(["s3:PutObject", "s3:DeleteObject"])], [allow("s3:PutObject")], [S]),
        (ROLE, [allow("s3:*")], [allow("s3:DeleteObject")], [C]),
        (ROLE, [], [statement("Deny", "s3:*")], [C]),
        (ROLE, [], [statement("Deny", "s3:DeleteObject")], [S]),
        (ROLE, [allow("s3:PutObjectRetention")], [], [C]),
        (ROLE, [allow("s3:PutObjectRetention")], [allow("s3:PutObjectRetention", Condition=BOUND)], [S]),
        # The lease.
        (ROLE, [allow(RENEWS, **TABLE)], [], [W]),
        (ROLE, [allow(RENEWS, **TABLE)], [allow(RENEWS[:1], **TABLE)], [W]),
        (ROLE, [allow(RENEWS, **TABLE)], [allow(RENEWS, **TABLE, Condition=MFA)], [C]),
        (ROLE, [allow("dynamodb:*", **TABLE)], [allow(RENEWS, **TABLE)], [W]),
        (ROLE, [allow(["dynamodb:GetItem", "dynamodb:Scan"], **TABLE)], [allow("dynamodb:GetItem", **TABLE)], [S]),
        (ROLE, [], [statement("Deny", "dynamodb:UpdateItem", **TABLE)], [W]),
        (BUCKET, [allow("s3:PutObject", **ROOT)], [], [C]),
        (BUCKET, [allow(Principal="*")], [], [S]),
        (BUCKET, [allow(Principal="*", Condition=source("10.0.0.0/24"))], [], [C]),
        (BUCKET, [], [deny("s3:*")], [C]),
        (BUCKET, [], [deny("s3:?utObject")], [C]),
        (BUCKET, [], [deny("s3:*", Condition=PLAIN_TEXT)], [S]),
        (BUCKET, [], [deny()], [S]),
        # Keys.
        (KEY, [allow("kms:*", **ROOT)], [allow("kms:PutKeyPolicy", **ROOT)], [W]),
        (KEY, [allow("kms:*", **ROOT)], [allow("kms:*", Condition=VIA_S3, **ROOT)], [C]),
        (KEY, [allow("kms:*", **ROOT)], [allow(["kms:Decrypt", "kms:GenerateDataKey*"], **ROOT)], [C]),
        (KEY, [allow("kms:*", **ROOT)], [allow(["kms:[!a]*"], **ROOT)], [W]),
        (KEY, [allow("kms:Decrypt", **ROOT)], [], [W]),
        (KEY, [allow("kms:ListGrants", **ROOT)], [], [S]),
        (KEY, [], [deny("kms:Decrypt")], [W]),
        (KEY, [], [deny("kms:*", Condition=UNLESS)], [C]),
        (KEY, [], [deny("kms:ScheduleKeyDeletion")], [S]),
        # Who may take a role.
        (TRUST, [allow("sts:AssumeRole", [], Principal={"Service": "s3.amazonaws.com"})], [], [C]),
        (TRUST, [allow("sts:AssumeRole", [], Principal={"AWS": "arn:aws:iam::1:root"})], [], [S]),
        (TRUST, [], [deny("sts:AssumeRole")], [C]),
    ],
)  # fmt: skip
def test_what_copies_need_is_no_gain_when_it_goes(
    kind: Kind, old: list[dict[str, Any]], new: list[dict[str, Any]], expected: list[Verdict]
) -> None:
    assert [found.verdict for found in ask(kind, document(*old), document(*new))] == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("*", "??", False),
        ("*", "?", False),
        ("b/*", "b/??", False),
        ("b/*", "b/*", True),
        ("b/*", "b*", True),
        ("b/?", "b/?", True),
        ("b/ab", "b/??", True),
        ("b/**", "b/*", True),
        ("b/*", "b/**", True),
        ("b/*", "b/?*", False),
        ("[a]", "[a]", True),
        ("a", "[a]", False),
    ],
)
def test_a_pattern_covers_another_only_when_it_fits_all_that_the_other_does(
    one: str, other: str, expected: bool
) -> None:
    assert within(one, other) is expected
