"""Statements, conditions and comparisons of policy documents, for tests."""

from typing import Any

from policy.comparisons.documents import policy_document
from policy.rule import Change, Kind
from policy.values import Value
from policy.verdict import Judgement, Verdict
from tests.support.review_cases import document, statement

UNLESS = {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/break-glass"}}
UNLESS_TWO = {"ArnNotEquals": {"aws:PrincipalArn": ["arn:aws:iam::1:role/break-glass", "x"]}}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
DELETES = ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]


def ask(kind: Kind, old: Value, new: Value) -> list[Judgement]:
    return list(kind.compare(Change(path=(), old=old, new=new), "why") or [])


def policy(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[Verdict]:
    return [found.verdict for found in ask(policy_document(), document(*old), document(*new))]


def deny(actions: Any = DELETES, resources: Any = "arn:aws:s3:::b/*", **more: Any) -> dict[str, Any]:
    return statement("Deny", actions, resources, Principal="*", **more)


def allow(actions: Any = "s3:GetObject", resources: Any = "arn:aws:s3:::b/*", **more: Any) -> dict[str, Any]:
    return statement("Allow", actions, resources, **more)


def elsewhere(*cidrs: str) -> dict[str, Any]:
    return {"NotIpAddress": {"aws:SourceIp": list(cidrs)}}


def source(cidr: str) -> dict[str, Any]:
    return {"IpAddress": {"aws:SourceIp": cidr}}
