"""The DR site's EKS cluster, with the nodes that full size needs: a promotion adds Pods, not nodes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.access.buckets import backup_key_policy
from recovery.access.cluster_roles import CONTROL_PLANE, NODES, STORAGE, STORAGE_ACCOUNT
from recovery.names import Names

_KEY_DELETION_DAYS = 30
_LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
_LOGS_KEPT_DAYS = 400  # a year for whoever looks into an incident, and some weeks to notice it
PROMOTERS = "ultramarket:promoter"  # https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html


@dataclass(frozen=True, kw_only=True)
class WarmClusterArgs:
    """`nodes` run all the time; subnets exist. `public_access_cidrs` name who may reach the API from outside the
    network; `admins` are ARNs of who may do everything in the cluster. An add-on without a version in `addon_versions`
    stays at the one it was made with."""

    names: Names
    subnet_ids: Sequence[pulumi.Input[str]]
    public_access_cidrs: list[str]
    version: str
    addon_versions: dict[str, str]
    admins: list[str]
    instance_types: list[str]
    nodes: int


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
        # EKS would make it, and keep it for ever. It stays when the cluster is destroyed: it says who did what there.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{args.names.dr_cluster}/cluster",
            retention_in_days=_LOGS_KEPT_DAYS,
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
            # At the end of standard support AWS upgrades by itself; extended support would cost six times as much.
            upgrade_policy={"support_type": "STANDARD"},
            deletion_protection=True,  # against whoever goes past Pulumi
            opts=as_child(self, protect=True, depends_on=[logs]),
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
        self._admin("break-glass", args.names.role_arn("break-glass"))
        for arn in args.admins:
            self._admin(f"admin-{arn.rpartition('/')[2]}", arn)
        self.cluster_name, self.endpoint = self.cluster.name, self.cluster.endpoint
        self.vpc_id = self.cluster.vpc_config.apply(lambda config: config.vpc_id or "")
        # EKS's own; nodes are in it as well: https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
        self.security_group = self.cluster.vpc_config.apply(lambda config: config.cluster_security_group_id or "")
        self.nodes_group = self.nodes.resources.apply(lambda found: (found[0].autoscaling_groups or [])[0].name or "")
        self.ca_data = self.cluster.certificate_authority.apply(lambda authority: authority.data or "")
        self.register_outputs({"cluster_name": self.cluster_name, "endpoint": self.endpoint})

    def _admin(self, who: str, principal_arn: str) -> None:
        """Everything in the cluster, by AWS's own policy for it."""
        entry = aws.eks.AccessEntry(
            f"{self._name}-{who}-access",
            cluster_name=self.cluster.name,
            principal_arn=principal_arn,
            opts=as_child(self),
        )
        aws.eks.AccessPolicyAssociation(
            f"{self._name}-{who}-rights",
            cluster_name=self.cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            access_scope={"type": "cluster"},
            opts=as_child(self),
        )

    def _nodes(self, args: WarmClusterArgs) -> None:
        """Nodes and what runs on each of them."""
        name, cluster = self._name, self.cluster.name
        # A Pod is one hop further than its node, so the answer with the node's credentials does not reach it. Amazon
        # Linux 2023 starts like that, others with two hops; said here, it holds whatever the image.
        # https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
        template = aws.ec2.LaunchTemplate(
            f"{name}-node",
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
            },
            opts=as_child(self),
        )
        # The nodes' own disks are encrypted by the region's default alone, which counts for disks made after it. It is
        # the whole account's in this region: a destroyed stack must not switch it off for others.
        encrypted = aws.ebs.EncryptionByDefault(
            f"{name}-disks", enabled=True, opts=as_child(self, retain_on_delete=True)
        )
        # Nothing but this declaration adds nodes: instances may be hard to get on the day a region is lost. One number,
        # since EKS refuses a minimum above the size that runs. An upgrade raises both for its own time:
        # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html
        self.nodes = aws.eks.NodeGroup(
            f"{name}-nodes",
            cluster_name=cluster,
            version=self.cluster.version,  # without it only the control plane would move
            node_role_arn=args.names.role_arn(NODES.name),
            subnet_ids=args.subnet_ids,
            instance_types=args.instance_types,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": args.nodes, "desired_size": args.nodes, "max_size": args.nodes},
            update_config={"max_unavailable": 1},
            opts=as_child(self, protect=True, depends_on=[encrypted]),
        )
        self._versions = args.addon_versions
        self._addon("coredns")
        self._addon("kube-proxy")
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
            addon_version=self._versions.get(addon),
            configuration_values=configuration_values,
            pod_identity_associations=pod_identity_associations,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=as_child(self, depends_on=[self.nodes]),
        )
