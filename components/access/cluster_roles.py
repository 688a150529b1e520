"""The roles of the DR cluster itself. They live in foundation: IAM's control plane is in us-east-1, and the dr stack
must be changed and refreshed with that region gone."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.access.cluster_roles import CLUSTER_DUTIES, ClusterDuty
from recovery.names import Names


@dataclass(frozen=True, kw_only=True)
class ClusterRolesArgs:
    """Roles are named after the account's duties; see `Names.role_arn`."""

    names: Names


class ClusterRoles(pulumi.ComponentResource):
    """One role a duty of the cluster, each with AWS's own policies for it."""

    def __init__(self, name: str, args: ClusterRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:ClusterRoles", name, None, opts)
        arns = {duty.name: self._role(name, args.names, duty) for duty in CLUSTER_DUTIES}
        self.register_outputs({"arns": arns})

    def _role(self, name: str, names: Names, duty: ClusterDuty) -> pulumi.Output[str]:
        role = aws.iam.Role(
            f"{name}-{duty.name}",
            name=names.role_name(duty.name),
            assume_role_policy=json.dumps(duty.trust(names)),
            opts=as_child(self),
        )
        for policy in duty.policies:
            aws.iam.RolePolicyAttachment(
                f"{name}-{duty.name}-{policy.rsplit('/')[-1]}", role=role.name, policy_arn=policy, opts=as_child(self)
            )
        return role.arn
