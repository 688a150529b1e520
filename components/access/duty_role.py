"""The IAM role of one duty."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from recovery.access.documents import Document
from recovery.names import Names


@dataclass(frozen=True, kw_only=True)
class DutyRoleArgs:
    """`duty` as in `Names.role_arn`; trust as in `recovery.access.trust`, permission as in `recovery.access.duties`."""

    names: Names
    duty: str
    description: str
    trust: Document
    permission: pulumi.Input[Document]


class DutyRole(pulumi.ComponentResource):
    """A role and its only policy."""

    def __init__(self, name: str, args: DutyRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:DutyRole", name, None, opts)
        self.role = aws.iam.Role(
            f"{name}-role",
            name=args.names.role_name(args.duty),
            description=args.description,
            assume_role_policy=json.dumps(args.trust),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.permission = aws.iam.RolePolicy(
            f"{name}-permission",
            name="duty",
            role=self.role.name,
            policy=pulumi.Output.from_input(args.permission).apply(json.dumps),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = self.role.arn
        self.register_outputs({"arn": self.arn})
