"""IAM: roles, their inline policies and attachments."""

import json

from lab.providers.aws.base import UNSUPPORTED, Aws, Handler, NotFound, picked, removed_tags, tag_list, tag_map
from lab.providers.base import Inputs
from lab.providers.values import policy_text

AWS_POLICIES = "arn:aws:iam::aws:policy/"
"""AWS's own policies are not in the stand-in; attaching one is recorded beside it."""


class Role(Handler):
    """A role; policies are resources of their own."""

    computed = ("arn", "createDate", "uniqueId")
    is_global = True

    def create(self, aws: Aws, inputs: Inputs) -> str:
        arguments = picked(
            inputs,
            Description="description",
            Path="path",
            MaxSessionDuration="maxSessionDuration",
            PermissionsBoundary="permissionsBoundary",
        )
        aws.call(
            "iam",
            "create_role",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=policy_text(inputs["assumeRolePolicy"]),
            Tags=tag_list(inputs.get("tagsAll")),
            **arguments,
        )
        return inputs["name"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        role = aws.call("iam", "get_role", RoleName=resource_id)["Role"]
        return {"arn": role["Arn"], "createDate": role["CreateDate"].isoformat(), "uniqueId": role["RoleId"]}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        role = aws.call("iam", "get_role", RoleName=resource_id)["Role"]
        return {
            "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description", ""),
            "path": role["Path"],
            "maxSessionDuration": role["MaxSessionDuration"],
            "tagsAll": tag_map(role.get("Tags", [])),
        }

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        document = policy_text(new["assumeRolePolicy"])
        aws.call("iam", "update_assume_role_policy", RoleName=resource_id, PolicyDocument=document)
        settings = {
            "Description": new.get("description") or "",
            "MaxSessionDuration": new.get("maxSessionDuration") or 3600,
        }
        aws.call("iam", "update_role", RoleName=resource_id, **settings)
        if new.get("permissionsBoundary") and new["permissionsBoundary"] != old.get("permissionsBoundary"):
            boundary = new["permissionsBoundary"]
            aws.call("iam", "put_role_permissions_boundary", RoleName=resource_id, PermissionsBoundary=boundary)
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        if gone:
            aws.call("iam", "untag_role", RoleName=resource_id, TagKeys=gone)
        if new.get("tagsAll"):
            aws.call("iam", "tag_role", RoleName=resource_id, Tags=tag_list(new["tagsAll"]))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("iam", "delete_role", RoleName=resource_id)


class RolePolicy(Handler):
    """A policy inside a role."""

    is_global = True

    def create(self, aws: Aws, inputs: Inputs) -> str:
        document = policy_text(inputs["policy"])
        aws.call("iam", "put_role_policy", RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=document)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        role, _, name = resource_id.partition(":")
        found = aws.call("iam", "get_role_policy", RoleName=role, PolicyName=name)
        document = found["PolicyDocument"]
        return {"role": role, "name": name, "policy": document if isinstance(document, str) else json.dumps(document)}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        role, _, name = resource_id.partition(":")
        aws.call("iam", "delete_role_policy", RoleName=role, PolicyName=name)


class Attachment(Handler):
    """A role with a managed policy."""

    is_global = True

    def create(self, aws: Aws, inputs: Inputs) -> str:
        role, policy = inputs["role"], inputs["policyArn"]
        if policy.startswith(AWS_POLICIES):
            aws.call("iam", "get_role", RoleName=role)
            UNSUPPORTED.put("attachments of AWS's own policies", f"{role} {policy}", True)
        else:
            aws.call("iam", "attach_role_policy", RoleName=role, PolicyArn=policy)
        return f"{role}-{policy.rsplit('/', 1)[-1]}"

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        role, policy = inputs["role"], inputs["policyArn"]
        attached = aws.call("iam", "list_attached_role_policies", RoleName=role)["AttachedPolicies"]
        if policy.startswith(AWS_POLICIES):
            UNSUPPORTED.get("attachments of AWS's own policies", f"{role} {policy}")
        elif policy not in [one["PolicyArn"] for one in attached]:
            raise NotFound(resource_id)
        return {"role": role, "policyArn": policy}

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        role, policy = inputs["role"], inputs["policyArn"]
        if policy.startswith(AWS_POLICIES):
            UNSUPPORTED.remove("attachments of AWS's own policies", f"{role} {policy}")
        else:
            aws.call("iam", "detach_role_policy", RoleName=role, PolicyArn=policy)


HANDLERS: dict[str, Handler] = {
    "aws:iam/role:Role": Role(),
    "aws:iam/rolePolicy:RolePolicy": RolePolicy(),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Attachment(),
}
