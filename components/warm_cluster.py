"""The DR site's EKS cluster: small while production lives, ready to grow."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.bucket_policies import backup_key_policy
from recovery.cluster_roles import CONTROL_PLANE, NODES, STORAGE, STORAGE_ACCOUNT
from recovery.names import Names

_KEY_DELETION_DAYS = 30
_LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
PROMOTERS = "ultramarket:promoter"  # https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html


@dataclass(frozen=True, kw_only=True)
class WarmClusterArgs:
    """`nodes_warm` run now, up to `nodes_most` after a promotion; subnets exist. `public_access_cidrs` name who may
    reach the API from outside the network."""

    names: Names
    subnet_ids: Sequence[pulumi.Input[str]]
    public_access_cidrs: list[str]
    version: str
    instance_types: list[str]
    nodes_warm: int
    nodes_most: int


class WarmCluster(pulumi.ComponentResource):
    """EKS with secrets encrypted under its own key, audit logs, Pod Identity, volumes, enforced network policies, and
    an access entry for the promoter, whose rights in the cluster are a RoleBinding to the group `PROMOTERS`."""

    def __init__(self, name: str, args: WarmClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:WarmCluster", name, None, opts)
        self._name = name
        key = aws.kms.Key(
            f"{name}-secrets-key",
            description="Secrets in the DR cluster",
            enable_key_rotation=True,
            deletion_window_in_days=_KEY_DELETION_DAYS,
            # EKS cannot read its own cluster without this key, and no other one can take its place. So it belongs to
            # the cluster's stack, stays when that is destroyed, and only break-glass ends it.
            policy=json.dumps(backup_key_policy(args.names.account, args.names.role_arn("break-glass"))),
            opts=as_child(self, retain_on_delete=True),
        )
        self.cluster = aws.eks.Cluster(
            f"{name}-cluster",
            name=args.names.dr_cluster,
            role_arn=args.names.role_arn(CONTROL_PLANE.name),
            version=args.version,
            vpc_config={
                "subnet_ids": args.subnet_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": True,
                "public_access_cidrs": args.public_access_cidrs,
            },
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": True},
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=_LOGS,
            opts=as_child(self),
        )
        self._nodes(args)
        aws.eks.AccessEntry(
            f"{name}-promoter-access",
            cluster_name=self.cluster.name,
            principal_arn=args.names.role_arn("promoter"),
            kubernetes_groups=[PROMOTERS],
            opts=as_child(self),
        )
        # Prepared now, since an access entry cannot be made when it is needed most. For a person with MFA; alarmed.
        emergency = aws.eks.AccessEntry(
            f"{name}-break-glass-access",
            cluster_name=self.cluster.name,
            principal_arn=args.names.role_arn("break-glass"),
            opts=as_child(self),
        )
        aws.eks.AccessPolicyAssociation(
            f"{name}-break-glass-rights",
            cluster_name=self.cluster.name,
            principal_arn=emergency.principal_arn,
            policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            access_scope={"type": "cluster"},
            opts=as_child(self),
        )
        self.cluster_name, self.endpoint = self.cluster.name, self.cluster.endpoint
        self.ca_data = self.cluster.certificate_authority.apply(lambda authority: authority.data or "")
        self.register_outputs({"cluster_name": self.cluster_name, "endpoint": self.endpoint})

    def _nodes(self, args: WarmClusterArgs) -> None:
        """Nodes and what runs on each of them."""
        name, cluster = self._name, self.cluster.name
        # Limits and the first size are declared; how many nodes run after a promotion is not Pulumi's to set back.
        self.nodes = aws.eks.NodeGroup(
            f"{name}-nodes",
            cluster_name=cluster,
            node_role_arn=args.names.role_arn(NODES.name),
            subnet_ids=args.subnet_ids,
            instance_types=args.instance_types,
            scaling_config={
                "min_size": args.nodes_warm,
                "desired_size": args.nodes_warm,
                "max_size": args.nodes_most,
            },
            update_config={"max_unavailable": 1},
            opts=as_child(self, ignore_changes=["scalingConfig.desiredSize"]),
        )
        self._addon("eks-pod-identity-agent")
        # Off unless asked for: without it every NetworkPolicy is only a comment.
        self._addon("vpc-cni", configuration_values=json.dumps({"enableNetworkPolicy": "true"}))
        self._addon(
            "aws-ebs-csi-driver",
            pod_identity_associations=[
                {"role_arn": args.names.role_arn(STORAGE.name), "service_account": STORAGE_ACCOUNT}
            ],
        )

    def _addon(
        self,
        addon: str,
        *,
        configuration_values: str | None = None,
        pod_identity_associations: list[aws.eks.AddonPodIdentityAssociationArgsDict] | None = None,
    ) -> None:
        """An add-on is complete when it runs, so nodes come first; it takes over what EKS installed by itself."""
        aws.eks.Addon(
            f"{self._name}-{addon}",
            cluster_name=self.cluster.name,
            addon_name=addon,
            configuration_values=configuration_values,
            pod_identity_associations=pod_identity_associations,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=as_child(self, depends_on=[self.nodes]),
        )
