"""KMS: keys and aliases."""

from lab.providers.aws.base import Aws, Handler, NotFound, picked, removed_tags
from lab.providers.base import Inputs
from lab.providers.values import policy_text


class Key(Handler):
    """A deleted key stays for its window; a key that waits for deletion counts as gone."""

    computed = ("arn", "keyId")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        arguments = picked(
            inputs,
            Description="description",
            KeyUsage="keyUsage",
            KeySpec="customerMasterKeySpec",
            MultiRegion="multiRegion",
            BypassPolicyLockoutSafetyCheck="bypassPolicyLockoutSafetyCheck",
        )
        if inputs.get("policy"):
            arguments["Policy"] = policy_text(inputs["policy"])
        tags = [{"TagKey": key, "TagValue": value} for key, value in (inputs.get("tagsAll") or {}).items()]
        key_id = aws.call("kms", "create_key", Tags=tags, **arguments)["KeyMetadata"]["KeyId"]
        self._switches(aws, key_id, {}, inputs)
        return key_id

    @staticmethod
    def _switches(aws: Aws, key_id: str, old: Inputs, new: Inputs) -> None:
        rotation = new.get("enableKeyRotation", False), new.get("rotationPeriodInDays")
        if rotation != (old.get("enableKeyRotation", False), old.get("rotationPeriodInDays")):
            period = {"RotationPeriodInDays": rotation[1]} if rotation[1] else {}
            if rotation[0]:
                aws.call("kms", "enable_key_rotation", KeyId=key_id, **period)
            else:
                aws.call("kms", "disable_key_rotation", KeyId=key_id)
        enabled = new.get("isEnabled", True)
        if enabled != old.get("isEnabled", True):
            aws.call("kms", "enable_key" if enabled else "disable_key", KeyId=key_id)

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": f"arn:aws:kms:{aws.region}:{aws.account}:key/{resource_id}", "keyId": resource_id}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("kms", "describe_key", KeyId=resource_id)["KeyMetadata"]
        if found["KeyState"] == "PendingDeletion":
            raise NotFound(resource_id)
        tags = aws.call("kms", "list_resource_tags", KeyId=resource_id)["Tags"]
        return {
            "description": found.get("Description", ""),
            "isEnabled": found["Enabled"],
            "enableKeyRotation": aws.call("kms", "get_key_rotation_status", KeyId=resource_id)["KeyRotationEnabled"],
            "policy": aws.call("kms", "get_key_policy", KeyId=resource_id, PolicyName="default")["Policy"],
            "tagsAll": {tag["TagKey"]: tag["TagValue"] for tag in tags},
        }

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        if new.get("description") != old.get("description"):
            aws.call("kms", "update_key_description", KeyId=resource_id, Description=new.get("description") or "")
        if new.get("policy") and new["policy"] != old.get("policy"):
            text = policy_text(new["policy"])
            aws.call("kms", "put_key_policy", KeyId=resource_id, PolicyName="default", Policy=text)
        self._switches(aws, resource_id, old, new)
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        if gone:
            aws.call("kms", "untag_resource", KeyId=resource_id, TagKeys=gone)
        tags = [{"TagKey": key, "TagValue": value} for key, value in (new.get("tagsAll") or {}).items()]
        if tags:
            aws.call("kms", "tag_resource", KeyId=resource_id, Tags=tags)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        days = inputs.get("deletionWindowInDays") or 30
        aws.call("kms", "schedule_key_deletion", KeyId=resource_id, PendingWindowInDays=days)


class Alias(Handler):
    """A name for a key."""

    computed = ("arn", "targetKeyArn")
    changing = ("targetKeyArn",)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        aws.call("kms", "create_alias", AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return inputs["name"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        key = inputs["targetKeyId"].rsplit("/", 1)[-1]
        prefix = f"arn:aws:kms:{aws.region}:{aws.account}"
        return {"arn": f"{prefix}:{resource_id}", "targetKeyArn": f"{prefix}:key/{key}"}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        for page in self._pages(aws):
            for alias in page["Aliases"]:
                if alias["AliasName"] == resource_id:
                    target = alias.get("TargetKeyId", "")
                    same = inputs["targetKeyId"].rsplit("/", 1)[-1] == target
                    return {"name": resource_id, "targetKeyId": inputs["targetKeyId"] if same else target}
        raise NotFound(resource_id)

    @staticmethod
    def _pages(aws: Aws) -> list[Inputs]:
        pages = [aws.call("kms", "list_aliases")]
        while pages[-1].get("Truncated"):
            pages.append(aws.call("kms", "list_aliases", Marker=pages[-1]["NextMarker"]))
        return pages

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        aws.call("kms", "update_alias", AliasName=resource_id, TargetKeyId=new["targetKeyId"])

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("kms", "delete_alias", AliasName=resource_id)


HANDLERS: dict[str, Handler] = {"aws:kms/key:Key": Key(), "aws:kms/alias:Alias": Alias()}
