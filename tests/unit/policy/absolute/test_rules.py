"""Ways around the absolute rules: other spellings, other types, two halves of the same."""

from typing import Any

import pytest

from policy.absolute.rules import Resource, violations
from tests.support.review_cases import document, statement
from tests.support.stacks import declare

BUCKET_POLICY, PERMISSION = "aws:s3/bucketPolicy:BucketPolicy", "aws:iam/rolePolicy:RolePolicy"
ROLE = "aws:iam/role:Role"
DISK_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
GROUP, CLUSTER = "aws:ec2/securityGroup:SecurityGroup", "aws:eks/cluster:Cluster"
HTTPS = {"protocol": "tcp", "fromPort": 443, "toPort": 443}
EVERYTHING = document(statement("Allow", "*", "*"))
AWS = "arn:aws:iam::aws:policy"
ADMINISTRATOR = f"{AWS}/AdministratorAccess"
LOCKED = {"objectLockEnabled": "Enabled"}
SOMEBODY = {"Principal": {"AWS": "arn:aws:iam::123456789012:role/a"}}


def broken(kind: str, inputs: dict[str, Any]) -> set[str]:
    return {
        found.rule.removeprefix("absolute.")
        for found in violations(Resource(type=kind, name="it", inputs=inputs, protect=True))
    }


def may(action: Any, resource: Any) -> dict[str, Any]:
    return {"policy": document(statement("Allow", action, resource))}


def everybody(operator: str, key: str, *values: str) -> dict[str, Any]:
    condition = {operator: {key: list(values)}}
    return {"policy": document(statement("Allow", "s3:GetObject", Principal="*", Condition=condition))}


NAMED = {"StringEquals": {"cloudwatch:namespace": "UltraMarketDR"}}


def redirecting(protocol: str) -> dict[str, Any]:
    return {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": protocol}}]}


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ("role-without-wildcards", PERMISSION, may("s3:?etObject", "arn:aws:s3:::b/*")),
        ("versions-stay", PERMISSION, may("s3:deleteobjectversion", "arn:aws:s3:::b/*")),
        ("versions-stay", PERMISSION, may(["s3:DeleteObject", "s3:BypassGovernanceRetention"], "arn:aws:s3:::b/*")),
        (
            "versions-stay",
            BUCKET_POLICY,
            {"policy": document(statement("Allow", "s3:DeleteObjectVersion", **SOMEBODY))},
        ),
        ("role-without-wildcards", PERMISSION, may("s3:GetObject", "**")),
        ("role-without-wildcards", PERMISSION, may("cloudwatch:PutMetricData", "*")),
        ("role-without-wildcards", PERMISSION, may("s3:GetObject", "arn:*:s3:::*/*")),
        ("role-without-wildcards", PERMISSION, may("s3:GetObject", "arn:aws:s3:::backup?/*")),
        ("role-without-wildcards", PERMISSION, may("s3:GetObject", "arn:aws:s3*")),
        ("role-without-wildcards", PERMISSION, may("s3:GetObject", "arn:aws:?3:::b/*")),
        ("role-without-wildcards", PERMISSION, may("sts:AssumeRole", "arn:aws:iam::*:role/a")),
        ("role-without-wildcards", PERMISSION, may("sts:AssumeRole", "arn:aws:iam::12345678901?:role/a")),
        ("role-without-wildcards", ROLE, {"inlinePolicies": [{"name": "a", "policy": EVERYTHING}]}),
        ("role-without-wildcards", ROLE, {"managedPolicyArns": [ADMINISTRATOR]}),
        ("role-without-wildcards", "aws:iam/userPolicy:UserPolicy", {"policy": EVERYTHING}),
        ("role-without-wildcards", "aws:iam/groupPolicy:GroupPolicy", {"policy": EVERYTHING}),
        *(
            ("role-without-wildcards", f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}", {"policyArn": arn})
            for kind in ("RolePolicyAttachment", "UserPolicyAttachment", "GroupPolicyAttachment", "PolicyAttachment")
            for arn in (ADMINISTRATOR, f"{AWS}/PowerUserAccess", f"{AWS}/IAMFullAccess")
        ),
        ("role-without-wildcards", BUCKET_POLICY, {"policy": document(statement("Allow", "s3:*", **SOMEBODY))}),
        ("role-without-wildcards", BUCKET_POLICY, {"policy": document(statement("Allow", "s3:?*", **SOMEBODY))}),
        *(
            ("policy-not-public", BUCKET_POLICY, inputs)
            for inputs in (
                everybody("IpAddress", "aws:SourceIp", "0.0.0.0/1", "128.0.0.0/1"),
                everybody("IpAddress", "aws:SourceIp", "10.0.0.0/24", "::/3"),
                everybody("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/a"),
                everybody("StringLike", "aws:PrincipalArn", "arn:aws:iam::????????????:root"),
                everybody("StringLike", "aws:PrincipalAccount", "1*"),
                everybody("StringLike", "aws:PrincipalOrgID", "o-*"),
                everybody("StringEquals", "aws:PrincipalTag/team", "backup"),
                everybody("StringEquals", "aws:PrincipalType", "AssumedRole"),
                everybody("Bool", "aws:PrincipalIsAWSService", "false"),
                everybody("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com"),
                everybody("IpAddress", "aws:VpcSourceIp", "10.0.0.0/24"),
                everybody("StringLike", "aws:userid", "**"),
                everybody("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"),
                {"policy": document({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "a", "Resource": "b"})},
            )
        ),
        *(
            ("no-plaintext", f"aws:{kind}/listener:Listener", inputs)
            for kind in ("alb", "lb")
            for inputs in ({"protocol": "HTTP"}, redirecting("HTTP"), redirecting("#{protocol}"))
        ),
        (
            "no-plaintext",
            "aws:lb/listenerRule:ListenerRule",
            {"actions": [{"type": "redirect", "redirect": {"protocol": "HTTP"}}]},
        ),
        *(
            ("backup-bucket-locked", kind, inputs)
            for kind in ("aws:s3/bucketV2:BucketV2", "aws:s3/bucket:Bucket", "aws:s3:Bucket", "aws-native:s3:Bucket")
            for inputs in ({"bucket": "Shop-Backups"}, {"bucketPrefix": "backups-"})
        ),
        ("disk-encrypted", DISK_CLASS, {"parameters": {"type": "gp3"}}),
        ("disk-encrypted", DISK_CLASS, {"parameters": {"encrypted": "false"}}),
        *(
            ("disk-encrypted", kind, inputs)
            for spec in ({"storageClassName": "gp2"}, {})
            for kind, inputs in (
                ("kubernetes:core/v1:PersistentVolumeClaim", {"spec": spec}),
                ("kubernetes:apps/v1:StatefulSet", {"spec": {"volumeClaimTemplates": [{"spec": spec}]}}),
            )
        ),
        ("bucket-versioned", "aws:s3/bucketVersioningV2:BucketVersioningV2", {}),
        *(
            ("network-closed", GROUP, {"ingress": [{"cidrBlocks": ranges}]})
            for ranges in (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/00"], ["10.0.0.0/7"], [" 0.0.0.0/0"])
        ),
        ("network-closed", GROUP, {"ingress": [{"ipv6CidrBlocks": ["2000::/3"]}]}),
        *(
            ("network-closed", GROUP, {"ingress": [{**HTTPS, **wider, "cidrBlocks": ["0.0.0.0/0"]}]})
            for wider in ({"fromPort": 80}, {"toPort": 444}, {"protocol": "-1"}, {"protocol": "udp"})
        ),
        ("network-closed", CLUSTER, {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}}),
        ("network-closed", CLUSTER, {"vpcConfig": {"endpointPublicAccess": True}}),
        ("network-closed", CLUSTER, {"vpcConfig": {}}),
    ],
)  # fmt: skip
def test_another_way_round_an_absolute_rule_is_found(rule: str, kind: str, inputs: dict[str, Any]) -> None:
    assert broken(kind, inputs) == {rule}


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (PERMISSION, may("s3:GetObject", "arn:aws:s3:::b/*/?")),
        (PERMISSION, {"policy": document(statement("Allow", "cloudwatch:PutMetricData", "*", Condition=NAMED))}),
        (ROLE, {"inlinePolicies": [{"name": "a"}], "managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonEKSCNI"]}),
        (BUCKET_POLICY, everybody("IpAddress", "aws:SourceIp", "15.177.0.0/18", "2600:1f00::/32")),
        (BUCKET_POLICY, everybody("ArnLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*")),
        (BUCKET_POLICY, everybody("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abc/r-x/*")),
        (BUCKET_POLICY, {"policy": document(statement("Deny", "s3:*", Principal="*"))}),
        ("aws:lb/listener:Listener", redirecting("HTTPS")),
        ("aws:lb/listener:Listener", {"protocol": "HTTPS"}),
        ("aws:s3/bucketV2:BucketV2", {"bucket": "b", "objectLockEnabled": True}),
        ("aws:s3/bucketV2:BucketV2", {"bucket": "backups", "objectLockConfiguration": LOCKED}),
        (GROUP, {"ingress": [{"cidrBlocks": ["10.0.0.0/8"], "ipv6CidrBlocks": ["2001:db8::/32"]}]}),
        (GROUP, {"ingress": [{**HTTPS, "cidrBlocks": ["0.0.0.0/0"]}]}),  # customers come from everywhere
        (CLUSTER, {"vpcConfig": {"endpointPublicAccess": False}}),
        (CLUSTER, {"vpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}}),
    ],
)  # fmt: skip
def test_what_keeps_to_the_rules_breaks_none(kind: str, inputs: dict[str, Any]) -> None:
    assert broken(kind, inputs) == set()


@pytest.mark.parametrize("stack", ["foundation", "prod", "dr"])
def test_our_own_stacks_break_none(stack: str) -> None:
    for each in declare(stack):
        parents = tuple(each.urn.split("::")[2].split("$")[:-1]) if each.urn else ()
        found = Resource(type=each.type, name=each.name, inputs=each.inputs, parents=parents, protect=each.protected)
        assert list(violations(found)) == [], each.name
