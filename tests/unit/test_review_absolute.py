"""Ways around the absolute rules: other spellings, other types, two halves of the same."""

from typing import Any

import pytest

from policy.absolute import Resource, violations
from tests.unit.review_cases import document, statement
from tests.unit.stacks import declare

BUCKET_POLICY, PERMISSION = "aws:s3/bucketPolicy:BucketPolicy", "aws:iam/rolePolicy:RolePolicy"
ROLE, INGRESS = "aws:iam/role:Role", "kubernetes:networking.k8s.io/v1:Ingress"
GROUP, CLUSTER = "aws:ec2/securityGroup:SecurityGroup", "aws:eks/cluster:Cluster"
EVERYTHING = document(statement("Allow", "*", "*"))
AWS = "arn:aws:iam::aws:policy"
ADMINISTRATOR = f"{AWS}/AdministratorAccess"
LOCKED = {"objectLockEnabled": "Enabled"}
SOMEBODY = {"Principal": {"AWS": "arn:aws:iam::123456789012:role/a"}}
CLASS, PORTS = "kubernetes.io/ingress.class", "alb.ingress.kubernetes.io/listen-ports"


def broken(kind: str, inputs: dict[str, Any]) -> set[str]:
    return {found.rule for found in violations(Resource(type=kind, name="it", inputs=inputs, protect=True))}


def may(action: Any, resource: Any) -> dict[str, Any]:
    return {"policy": document(statement("Allow", action, resource))}


def everybody(operator: str, key: str, *values: str) -> dict[str, Any]:
    condition = {operator: {key: list(values)}}
    return {"policy": document(statement("Allow", "s3:GetObject", Principal="*", Condition=condition))}


def ingress(annotations: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "spec": spec}


def redirecting(protocol: str) -> dict[str, Any]:
    return {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": protocol}}]}


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ("role-without-wildcards", PERMISSION, may("s3:?etObject", "arn:aws:s3:::b/*")),
        ("role-without-wildcards", PERMISSION, may("s3:GetObject", "**")),
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
        ("no-plaintext", INGRESS, ingress({CLASS: "alb"})),
        ("no-plaintext", INGRESS, ingress({CLASS: "alb", PORTS: '[{"http": 80}]'})),
        ("no-plaintext", INGRESS, ingress({}, ingressClassName="nginx")),
        ("no-plaintext", INGRESS, ingress({})),
        *(
            ("backup-bucket-locked", kind, inputs)
            for kind in ("aws:s3/bucketV2:BucketV2", "aws:s3/bucket:Bucket", "aws:s3:Bucket", "aws-native:s3:Bucket")
            for inputs in ({"bucket": "Shop-Backups"}, {"bucketPrefix": "backups-"})
        ),
        ("bucket-versioned", "aws:s3/bucketVersioningV2:BucketVersioningV2", {}),
        *(
            ("network-closed", GROUP, {"ingress": [{"cidrBlocks": ranges}]})
            for ranges in (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/00"], ["10.0.0.0/7"], [" 0.0.0.0/0"])
        ),
        ("network-closed", GROUP, {"ingress": [{"ipv6CidrBlocks": ["2000::/3"]}]}),
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
        (ROLE, {"inlinePolicies": [{"name": "a"}], "managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonEKSCNI"]}),
        (BUCKET_POLICY, everybody("IpAddress", "aws:SourceIp", "15.177.0.0/18", "2600:1f00::/32")),
        (BUCKET_POLICY, everybody("ArnLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*")),
        (BUCKET_POLICY, everybody("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abc/r-x/*")),
        (BUCKET_POLICY, {"policy": document(statement("Deny", "s3:*", Principal="*"))}),
        ("aws:lb/listener:Listener", redirecting("HTTPS")),
        ("aws:lb/listener:Listener", {"protocol": "HTTPS"}),
        (INGRESS, ingress({PORTS: '[{"HTTPS": 443}]'}, ingressClassName="alb")),
        (INGRESS, ingress({}, ingressClassName="nginx", tls=[{"hosts": ["a.test"]}])),
        ("aws:s3/bucketV2:BucketV2", {"bucket": "b", "objectLockEnabled": True}),
        ("aws:s3/bucketV2:BucketV2", {"bucket": "backups", "objectLockConfiguration": LOCKED}),
        (GROUP, {"ingress": [{"cidrBlocks": ["10.0.0.0/8"], "ipv6CidrBlocks": ["2001:db8::/32"]}]}),
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
