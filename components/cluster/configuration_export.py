"""What the copier of configuration may see of its cluster, and how it gets there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.cluster.backup_source import BackupSource
from components.cluster.cluster_access import ACCESS_FOLDER, access_mount, access_volume, declare_access
from components.runners import Runners
from recovery.copies.cluster_kinds import NAMESPACED
from recovery.names import EXPORTER_ACCOUNT, EXPORTER_LABEL
from recovery.plan.datasets import Configuration

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac import v1 as rbac

_ACCESS, _ROLE = "dr-exporter-access", "dr-exporter"
_RBAC = "rbac.authorization.k8s.io"
_DEFINITIONS = "customresourcedefinitions"


@dataclass(frozen=True, kw_only=True)
class ConfigurationExportArgs:
    """`endpoint` and `ca_data` are the API server's of the cluster that `at` runs in; `section` is the plan's."""

    at: Runners
    endpoint: pulumi.Input[str]
    ca_data: pulumi.Input[str]
    section: Configuration


class ConfigurationExport(pulumi.ComponentResource):
    """Rights to list what is in the namespace, its Secrets too, and to get what the plan names of the cluster (ADR 30).

    `list` alone, by name: by `get` of `pods/exec` somebody runs commands in a Pod.
    """

    def __init__(self, name: str, args: ConfigurationExportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:ConfigurationExport", name, None, opts)
        at = args.at
        declare_access(name, _ACCESS, at.namespace, (at.cluster, args.endpoint, args.ca_data), self)
        subject: rbac.SubjectArgsDict = {
            "kind": "ServiceAccount",
            "name": EXPORTER_ACCOUNT,
            "namespace": at.namespace,
        }
        role = k8s.rbac.v1.Role(
            f"{name}-role",
            metadata=workload.metadata(_ROLE, at.namespace),
            rules=_listed(args.section),
            opts=as_child(self),
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-binding",
            metadata=workload.metadata(_ROLE, at.namespace),
            role_ref={"api_group": _RBAC, "kind": "Role", "name": _ROLE},
            subjects=[subject],
            opts=as_child(self, depends_on=[role]),
        )
        cluster_role = k8s.rbac.v1.ClusterRole(
            f"{name}-cluster-role",
            metadata={"name": _ROLE, "labels": workload.MANAGED_BY},
            rules=_named(args),
            opts=as_child(self),
        )
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-cluster-binding",
            metadata={"name": _ROLE, "labels": workload.MANAGED_BY},
            role_ref={"api_group": _RBAC, "kind": "ClusterRole", "name": _ROLE},
            subjects=[subject],
            opts=as_child(self, depends_on=[cluster_role]),
        )
        self.source = BackupSource(
            dataset="configuration",
            duty="exporter",
            labels=EXPORTER_LABEL,
            environment={"KUBECONFIG": f"{ACCESS_FOLDER}/kubeconfig"},
            mounts=[access_mount()],
            volumes=[access_volume(_ACCESS)],
        )
        self.register_outputs({})


def _listed(section: Configuration) -> "list[rbac.PolicyRuleArgsDict]":
    """Kubernetes' own kinds, and those that the plan names."""
    kinds = {group: list(plurals) for group, plurals in NAMESPACED.items()}
    for each in section.kinds:
        plural, _, group = each.partition(".")
        kinds.setdefault(group, []).append(plural)
    return [
        {"api_groups": [group], "resources": sorted(plurals), "verbs": ["list"]}
        for group, plurals in sorted(kinds.items())
    ]


def _named(args: ConfigurationExportArgs) -> "list[rbac.PolicyRuleArgsDict]":
    """Which cluster this is, the namespace, the definition of any kind (no secret), and what the plan names."""
    names: dict[tuple[str, str], list[pulumi.Input[str]]] = {("", "namespaces"): ["kube-system", args.at.namespace]}
    for each in args.section.cluster_objects:
        resource, _, name = each.partition("/")
        plural, _, group = resource.partition(".")
        if plural != _DEFINITIONS:
            names.setdefault((group, plural), []).append(name)
    definitions: rbac.PolicyRuleArgsDict = {
        "api_groups": ["apiextensions.k8s.io"],
        "resources": [_DEFINITIONS],
        "verbs": ["get"],
    }
    return [
        definitions,
        *(
            {"api_groups": [group], "resources": [plural], "resource_names": found, "verbs": ["get"]}
            for (group, plural), found in sorted(names.items())
        ),
    ]
