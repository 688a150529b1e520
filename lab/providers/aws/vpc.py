"""Security groups: with rules written in the group, and rules that are resources of their own."""

from lab.providers.aws.base import Aws, Handler, NotFound, tag_list, tag_map
from lab.providers.aws.ec2_objects import update_tags
from lab.providers.base import Inputs

_PORTS = {"ipProtocol": "IpProtocol", "fromPort": "FromPort", "toPort": "ToPort"}
_NOTED = {"description": "Description"}


class SecurityGroup(Handler):
    """A group and the rules written in it. Without egress rules it lets nothing out, as with the real provider."""

    computed = ("arn", "ownerId")

    @staticmethod
    def _ways(rules: list[Inputs]) -> list[Inputs]:
        return [
            {
                "IpProtocol": rule["protocol"],
                "FromPort": int(rule["fromPort"]),
                "ToPort": int(rule["toPort"]),
                "IpRanges": [{"CidrIp": each} for each in rule.get("cidrBlocks") or []],
                "UserIdGroupPairs": [{"GroupId": each} for each in rule.get("securityGroups") or []],
            }
            for rule in rules
        ]

    def create(self, aws: Aws, inputs: Inputs) -> str:
        tags = (
            [{"ResourceType": "security-group", "Tags": tag_list(inputs["tagsAll"])}] if inputs.get("tagsAll") else []
        )
        place = {"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}
        made = aws.call(
            "ec2",
            "create_security_group",
            GroupName=inputs["name"],
            Description=inputs.get("description") or "Managed by Pulumi",
            TagSpecifications=tags,
            **place,
        )["GroupId"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        aws.call("ec2", "revoke_security_group_egress", GroupId=made, IpPermissions=everything)
        self._set(aws, made, {}, inputs)
        return made

    def _set(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        for way in ("ingress", "egress"):
            before, after = self._ways(old.get(way) or []), self._ways(new.get(way) or [])
            if before == after:
                continue
            if before:
                aws.call("ec2", f"revoke_security_group_{way}", GroupId=resource_id, IpPermissions=before)
            if after:
                aws.call("ec2", f"authorize_security_group_{way}", GroupId=resource_id, IpPermissions=after)

    def _live(self, aws: Aws, resource_id: str) -> Inputs:
        (found,) = aws.call("ec2", "describe_security_groups", GroupIds=[resource_id])["SecurityGroups"]
        return found

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        arn = f"arn:aws:ec2:{aws.region}:{aws.account}:security-group/{resource_id}"
        return {"arn": arn, "ownerId": aws.account}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._live(aws, resource_id)

        def rules(ways: list[Inputs]) -> list[Inputs]:
            return [
                {
                    "protocol": way["IpProtocol"],
                    "fromPort": way.get("FromPort", 0),
                    "toPort": way.get("ToPort", 0),
                    "cidrBlocks": [each["CidrIp"] for each in way.get("IpRanges", [])],
                    "securityGroups": [each["GroupId"] for each in way.get("UserIdGroupPairs", [])],
                }
                for way in ways
            ]

        return {
            "name": found["GroupName"],
            "description": found["Description"],
            "vpcId": found.get("VpcId"),
            "ingress": rules(found["IpPermissions"]),
            "egress": rules(found["IpPermissionsEgress"]),
            "tagsAll": tag_map(found.get("Tags", [])),
        }

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self._set(aws, resource_id, old, new)
        update_tags(aws, resource_id, old, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("ec2", "delete_security_group", GroupId=resource_id)


class IngressRule(Handler):
    """One source, a range of addresses or another group, and the ports it may reach."""

    computed = ("arn", "securityGroupRuleId")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        noted = {"Description": inputs["description"]} if inputs.get("description") else {}
        way: Inputs = {theirs: inputs[ours] for ours, theirs in _PORTS.items() if inputs.get(ours) is not None}
        if inputs.get("cidrIpv4"):
            way["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **noted}]
        else:
            way["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **noted}]
        request = {"GroupId": inputs["securityGroupId"], "IpPermissions": [way]}
        (made,) = aws.call("ec2", "authorize_security_group_ingress", **request)["SecurityGroupRules"]
        return made["SecurityGroupRuleId"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        arn = f"arn:aws:ec2:{aws.region}:{aws.account}:security-group-rule/{resource_id}"
        return {"arn": arn, "securityGroupRuleId": resource_id}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("ec2", "describe_security_group_rules", SecurityGroupRuleIds=[resource_id])
        for rule in found["SecurityGroupRules"]:
            if rule["SecurityGroupRuleId"] == resource_id:
                live: Inputs = {ours: rule.get(theirs) for ours, theirs in {**_PORTS, **_NOTED}.items()}
                live["referencedSecurityGroupId"] = rule.get("ReferencedGroupInfo", {}).get("GroupId")
                if live["referencedSecurityGroupId"]:
                    live.pop("description")  # the stand-in forgets it there
                return {**live, "securityGroupId": rule["GroupId"], "cidrIpv4": rule.get("CidrIpv4")}
        raise NotFound(resource_id)

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        rule = {theirs: new[ours] for ours, theirs in {**_PORTS, **_NOTED}.items() if new.get(ours) is not None}
        sources = {"CidrIpv4": "cidrIpv4", "ReferencedGroupId": "referencedSecurityGroupId"}
        rule |= {theirs: new[ours] for theirs, ours in sources.items() if new.get(ours)}
        changes = [{"SecurityGroupRuleId": resource_id, "SecurityGroupRule": rule}]
        aws.call("ec2", "modify_security_group_rules", GroupId=new["securityGroupId"], SecurityGroupRules=changes)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        group = inputs["securityGroupId"]
        aws.call("ec2", "revoke_security_group_ingress", GroupId=group, SecurityGroupRuleIds=[resource_id])


HANDLERS: dict[str, Handler] = {"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": IngressRule()}
