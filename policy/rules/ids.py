"""The id of every rule, such as `bucket-versioning.status`: worked out from type and property, so that it stays the
same when a table is sorted anew. Waivers and tests may name it."""

import re
from collections.abc import Iterable
from dataclasses import replace

from policy.rule import Rule, pattern

# Types whose own names would be the same.
_CALLED = {
    "aws:iam/role:Role": "iam-role",
    "kubernetes:rbac.authorization.k8s.io/v1:Role": "rbac-role",
    "aws:eks/cluster:Cluster": "eks-cluster",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "bucket-encryption",
    "pulumi:providers:aws": "aws-provider",
    "pulumi:providers:kubernetes": "kubernetes-provider",
}
# What nearly every object of Kubernetes has around the property that matters.
_AROUND = (
    ("spec.jobTemplate.spec.template.spec.", "pod."),
    ("spec.jobTemplate.spec.template.", "pod."),
    ("spec.jobTemplate.spec.", "job."),
    ("spec.template.spec.", "pod."),
    ("spec.template.", "pod."),
    ("spec.", ""),
)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def type_name(kind: str) -> str:
    """`aws:s3/bucketVersioning:BucketVersioning` → `bucket-versioning`."""
    return _CALLED.get(kind) or _kebab(kind.rpartition(":")[2].removesuffix("Configuration").removesuffix("Config"))


def identified(name: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules of the type called `name`, each with its id. One that says its own keeps it."""
    return tuple(rule if rule.id else replace(rule, id=f"{name}.{_property(rule.path)}") for rule in rules)


def _property(path: str) -> str:
    """The last two names of the path; what stands around them is the same for nearly all rules of a type."""
    start, name = next((pair for pair in _AROUND if path.startswith(pair[0])), ("", ""))
    parts = ["any" if part == "**" else _kebab(part.strip("[]")) for part in pattern(path.removeprefix(start))]
    named = [part for part in parts if part != "*"]
    every = parts[len(parts) - parts[::-1].index(named[-1]) :] if named else parts
    return name + ".".join([*named[-2:], *every])


def _kebab(text: str) -> str:
    return re.sub(r"[^a-z0-9*]+", "-", _WORD.sub("-", text).lower()).strip("-")
