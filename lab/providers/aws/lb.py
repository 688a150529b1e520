"""Elastic Load Balancing: a load balancer, its listeners and their rules, and what they lead to."""

from typing import Any

from lab.providers.aws.base import Aws, Handler, NotFound, picked, tag_list
from lab.providers.aws.shapes import from_response, to_request
from lab.providers.base import Inputs

_SWITCHES = {"dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled"}


def _model(aws: Aws, operation: str, member: str) -> Any:
    client = aws.client("elbv2")
    name = client.meta.method_to_api_mapping[operation]
    return client.meta.service_model.operation_model(name).input_shape.members[member]


def _tags(inputs: Inputs) -> Inputs:
    return {"Tags": tag_list(inputs["tagsAll"])} if inputs.get("tagsAll") else {}


def _only(answer: dict[str, Any], key: str) -> Inputs:
    if not answer[key]:
        raise NotFound(key)
    return answer[key][0]


class LoadBalancer(Handler):
    """Application Load Balancers alone."""

    computed = ("arn", "dnsName", "zoneId", "vpcId")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        made = _only(
            aws.call(
                "elbv2",
                "create_load_balancer",
                Name=inputs["name"],
                Type="application",
                Scheme="internal" if inputs.get("internal") else "internet-facing",
                Subnets=inputs["subnets"],
                SecurityGroups=inputs.get("securityGroups") or [],
                **_tags(inputs),
            ),
            "LoadBalancers",
        )
        self.update(aws, made["LoadBalancerArn"], {}, inputs)
        return made["LoadBalancerArn"]

    def _live(self, aws: Aws, resource_id: str) -> Inputs:
        return _only(aws.call("elbv2", "describe_load_balancers", LoadBalancerArns=[resource_id]), "LoadBalancers")

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._live(aws, resource_id)
        return {
            "arn": resource_id,
            "dnsName": found["DNSName"],
            "zoneId": found["CanonicalHostedZoneId"],
            "vpcId": found["VpcId"],
        }

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._live(aws, resource_id)
        subnets = [zone["SubnetId"] for zone in found["AvailabilityZones"]]
        return {
            "name": found["LoadBalancerName"],
            "internal": found["Scheme"] == "internal",
            "securityGroups": found.get("SecurityGroups", []),
            "subnets": inputs.get("subnets") if sorted(inputs.get("subnets") or []) == sorted(subnets) else subnets,
        }

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        if old and old.get("securityGroups") != new.get("securityGroups"):
            groups = new.get("securityGroups") or []
            aws.call("elbv2", "set_security_groups", LoadBalancerArn=resource_id, SecurityGroups=groups)
        if old and old.get("subnets") != new.get("subnets"):
            aws.call("elbv2", "set_subnets", LoadBalancerArn=resource_id, Subnets=new["subnets"])
        switches = [
            {"Key": theirs, "Value": str(bool(new.get(ours))).lower()}
            for ours, theirs in _SWITCHES.items()
            if bool(new.get(ours)) != bool(old.get(ours))
        ]
        if switches:
            aws.call("elbv2", "modify_load_balancer_attributes", LoadBalancerArn=resource_id, Attributes=switches)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("elbv2", "delete_load_balancer", LoadBalancerArn=resource_id)


_CHECK = {
    "HealthCheckPath": "path",
    "HealthCheckIntervalSeconds": "interval",
    "HealthCheckTimeoutSeconds": "timeout",
    "HealthyThresholdCount": "healthyThreshold",
    "UnhealthyThresholdCount": "unhealthyThreshold",
}


class TargetGroup(Handler):
    """Targets by port; how their health is found out."""

    computed = ("arn", "arnSuffix")

    @staticmethod
    def _check(inputs: Inputs) -> Inputs:
        check = inputs.get("healthCheck") or {}
        wanted: Inputs = {theirs: check[ours] for theirs, ours in _CHECK.items() if check.get(ours) is not None}
        return {**wanted, "Matcher": {"HttpCode": check["matcher"]}} if check.get("matcher") else wanted

    def create(self, aws: Aws, inputs: Inputs) -> str:
        plain = picked(inputs, Port="port", Protocol="protocol", VpcId="vpcId", TargetType="targetType")
        request = {"Name": inputs["name"], **plain, **self._check(inputs), **_tags(inputs)}
        made = _only(aws.call("elbv2", "create_target_group", **request), "TargetGroups")["TargetGroupArn"]
        self._delay(aws, made, inputs)
        return made

    @staticmethod
    def _delay(aws: Aws, resource_id: str, inputs: Inputs) -> None:
        if inputs.get("deregistrationDelay") is not None:
            value = str(int(inputs["deregistrationDelay"]))
            wanted = [{"Key": "deregistration_delay.timeout_seconds", "Value": value}]
            aws.call("elbv2", "modify_target_group_attributes", TargetGroupArn=resource_id, Attributes=wanted)

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": resource_id, "arnSuffix": resource_id.rpartition(":")[2]}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = _only(aws.call("elbv2", "describe_target_groups", TargetGroupArns=[resource_id]), "TargetGroups")
        check = {ours: found.get(theirs) for theirs, ours in _CHECK.items()}
        check["matcher"] = found.get("Matcher", {}).get("HttpCode")
        plain = {"name": "TargetGroupName", "port": "Port", "protocol": "Protocol", "vpcId": "VpcId"}
        live = {ours: found[theirs] for ours, theirs in plain.items()}
        return {**live, "targetType": found["TargetType"], "healthCheck": check}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        if old.get("healthCheck") != new.get("healthCheck"):
            aws.call("elbv2", "modify_target_group", TargetGroupArn=resource_id, **self._check(new))
        if old.get("deregistrationDelay") != new.get("deregistrationDelay"):
            self._delay(aws, resource_id, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("elbv2", "delete_target_group", TargetGroupArn=resource_id)


def _actions(aws: Aws, given: list[Inputs]) -> Any:
    """Pulumi calls a fixed response `fixedResponse`, the service `FixedResponseConfig`."""
    names = {"fixedResponse": "fixedResponseConfig"}
    renamed = [{names.get(key, key): value for key, value in action.items()} for action in given]
    return to_request(renamed, _model(aws, "create_rule", "Actions"))


def _seen(actions: list[Inputs]) -> list[Inputs]:
    kept = ("Type", "TargetGroupArn", "FixedResponseConfig")
    return [
        {key.removesuffix("Config"): value for key, value in from_response({k: a[k] for k in kept if k in a}).items()}
        for a in actions
    ]


class Listener(Handler):
    """A port of a load balancer. The stand-in refuses a certificate that ACM does not have."""

    computed = ("arn",)

    @staticmethod
    def _request(aws: Aws, inputs: Inputs) -> Inputs:
        request = picked(inputs, Port="port", Protocol="protocol", SslPolicy="sslPolicy")
        if inputs.get("certificateArn"):
            request["Certificates"] = [{"CertificateArn": inputs["certificateArn"]}]
        return {**request, "DefaultActions": _actions(aws, inputs["defaultActions"])}

    def create(self, aws: Aws, inputs: Inputs) -> str:
        balancer = inputs["loadBalancerArn"]
        made = aws.call("elbv2", "create_listener", LoadBalancerArn=balancer, **self._request(aws, inputs))
        return _only(made, "Listeners")["ListenerArn"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": resource_id}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = _only(aws.call("elbv2", "describe_listeners", ListenerArns=[resource_id]), "Listeners")
        plain = {"loadBalancerArn": "LoadBalancerArn", "port": "Port", "protocol": "Protocol", "sslPolicy": "SslPolicy"}
        live: Inputs = {ours: found.get(theirs) for ours, theirs in plain.items()}
        certificates = found.get("Certificates") or [{}]
        live["certificateArn"] = certificates[0].get("CertificateArn")
        return {**live, "defaultActions": _seen(found["DefaultActions"])}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        aws.call("elbv2", "modify_listener", ListenerArn=resource_id, **self._request(aws, new))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("elbv2", "delete_listener", ListenerArn=resource_id)


class ListenerRule(Handler):
    """Paths, and where requests for them go."""

    computed = ("arn",)

    @staticmethod
    def _request(aws: Aws, inputs: Inputs) -> Inputs:
        paths = [
            {"Field": "path-pattern", "PathPatternConfig": {"Values": each["pathPattern"]["values"]}}
            for each in inputs["conditions"]
        ]
        return {"Conditions": paths, "Actions": _actions(aws, inputs["actions"])}

    def create(self, aws: Aws, inputs: Inputs) -> str:
        place = {"ListenerArn": inputs["listenerArn"], "Priority": int(inputs["priority"])}
        made = aws.call("elbv2", "create_rule", **place, **self._request(aws, inputs))
        return _only(made, "Rules")["RuleArn"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": resource_id}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = _only(aws.call("elbv2", "describe_rules", RuleArns=[resource_id]), "Rules")
        paths = [
            {"pathPattern": {"values": each.get("PathPatternConfig", each).get("Values", [])}}
            for each in found["Conditions"]
        ]
        return {"priority": int(found["Priority"]), "conditions": paths, "actions": _seen(found["Actions"])}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        aws.call("elbv2", "modify_rule", RuleArn=resource_id, **self._request(aws, new))
        if old.get("priority") != new.get("priority"):
            wanted = [{"RuleArn": resource_id, "Priority": int(new["priority"])}]
            aws.call("elbv2", "set_rule_priorities", RulePriorities=wanted)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("elbv2", "delete_rule", RuleArn=resource_id)


HANDLERS: dict[str, Handler] = {
    "aws:lb/loadBalancer:LoadBalancer": LoadBalancer(),
    "aws:lb/targetGroup:TargetGroup": TargetGroup(),
    "aws:lb/listener:Listener": Listener(),
    "aws:lb/listenerRule:ListenerRule": ListenerRule(),
}
