"""Route 53: records and health checks. Everything here is answered from us-east-1 alone."""

import uuid
from typing import Any

from lab.providers.aws.base import Aws, Handler, NotFound, picked, removed_tags, tag_list, tag_map
from lab.providers.base import Inputs
from lab.providers.values import Plain


class Record(Handler):
    """One record set."""

    computed = ("fqdn",)
    is_global = True

    def create(self, aws: Aws, inputs: Inputs) -> str:
        action = "UPSERT" if inputs.get("allowOverwrite") else "CREATE"
        self._change(aws, inputs["zoneId"], (action, self._record_set(aws, inputs)))
        parts = [inputs["zoneId"], inputs["name"], inputs["type"], inputs.get("setIdentifier")]
        return "_".join(part for part in parts if part)

    @staticmethod
    def _change(aws: Aws, zone: str, *changes: tuple[str, dict[str, Plain]]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]}
        aws.call("route53", "change_resource_record_sets", HostedZoneId=zone, ChangeBatch=batch)

    @staticmethod
    def _full_name(aws: Aws, inputs: Inputs) -> str:
        zone = aws.call("route53", "get_hosted_zone", Id=inputs["zoneId"])["HostedZone"]["Name"].rstrip(".")
        name = inputs["name"].rstrip(".").lower()
        return name if name == zone or name.endswith("." + zone) else f"{name}.{zone}" if name else zone

    def _record_set(self, aws: Aws, inputs: Inputs) -> dict[str, Plain]:
        record: dict[str, Plain] = {"Name": self._full_name(aws, inputs), "Type": inputs["type"]}
        record |= picked(inputs, SetIdentifier="setIdentifier", HealthCheckId="healthCheckId")
        if inputs.get("multivalueAnswerRoutingPolicy"):
            record["MultiValueAnswer"] = True
        for policy in inputs.get("failoverRoutingPolicies") or []:
            record["Failover"] = policy["type"]
        for policy in inputs.get("weightedRoutingPolicies") or []:
            record["Weight"] = policy["weight"]
        for policy in inputs.get("latencyRoutingPolicies") or []:
            record["Region"] = policy["region"]
        for alias in inputs.get("aliases") or []:
            record["AliasTarget"] = {
                "DNSName": alias["name"],
                "HostedZoneId": alias["zoneId"],
                "EvaluateTargetHealth": alias["evaluateTargetHealth"],
            }
        if inputs.get("records") is not None:
            record["TTL"] = int(inputs["ttl"])
            quoted = inputs["type"] in ("TXT", "SPF")
            record["ResourceRecords"] = [{"Value": f'"{one}"' if quoted else one} for one in inputs["records"]]
        return record

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"fqdn": self._full_name(aws, inputs)}

    def _find(self, aws: Aws, inputs: Inputs) -> dict[str, Any]:
        name = self._full_name(aws, inputs)
        start = {"StartRecordName": name, "StartRecordType": inputs["type"]}
        answer = aws.call("route53", "list_resource_record_sets", HostedZoneId=inputs["zoneId"], **start)
        for found in answer["ResourceRecordSets"]:
            here = found["Name"].rstrip(".").lower(), found["Type"], found.get("SetIdentifier")
            if here == (name, inputs["type"], inputs.get("setIdentifier")):
                return found
        raise NotFound(name)

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._find(aws, inputs)
        values = [one["Value"].strip('"') for one in found.get("ResourceRecords", [])]
        live: Inputs = {"ttl": found.get("TTL"), "healthCheckId": found.get("HealthCheckId", ""), "records": values}
        if found.get("Failover"):
            live["failoverRoutingPolicies"] = [{"type": found["Failover"]}]
        if "Weight" in found:
            live["weightedRoutingPolicies"] = [{"weight": found["Weight"]}]
        if "MultiValueAnswer" in found:
            live["multivalueAnswerRoutingPolicy"] = found["MultiValueAnswer"]
        return live

    def imported(self, aws: Aws, resource_id: str) -> Inputs:
        """ZONE_NAME_TYPE or ZONE_NAME_TYPE_IDENTIFIER, as the real provider takes it."""
        zone, name, kind, *identifier = resource_id.split("_")
        inputs: Inputs = {"zoneId": zone, "name": name, "type": kind}
        if identifier:
            inputs["setIdentifier"] = "_".join(identifier)
        return inputs | {key: value for key, value in self.read(aws, resource_id, inputs).items() if value}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        before, after = self._record_set(aws, old), self._record_set(aws, new)
        identity = ("Name", "Type", "SetIdentifier")
        if [before.get(key) for key in identity] == [after.get(key) for key in identity]:
            self._change(aws, new["zoneId"], ("UPSERT", after))
        else:
            self._change(aws, new["zoneId"], ("DELETE", self._find(aws, old)), ("CREATE", after))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        self._change(aws, inputs["zoneId"], ("DELETE", self._find(aws, inputs)))


_CHECK = {
    "ChildHealthChecks": "childHealthchecks",
    "Disabled": "disabled",
    "EnableSNI": "enableSni",
    "FailureThreshold": "failureThreshold",
    "FullyQualifiedDomainName": "fqdn",
    "HealthThreshold": "childHealthThreshold",
    "IPAddress": "ipAddress",
    "InsufficientDataHealthStatus": "insufficientDataHealthStatus",
    "Inverted": "invertHealthcheck",
    "Port": "port",
    "Regions": "regions",
    "ResourcePath": "resourcePath",
    "SearchString": "searchString",
}
_ONLY_AT_CREATION = {"Type": "type", "RequestInterval": "requestInterval", "MeasureLatency": "measureLatency"}


class HealthCheck(Handler):
    """A health check of any kind but recovery control."""

    computed = ("arn",)
    is_global = True

    def create(self, aws: Aws, inputs: Inputs) -> str:
        config = picked(inputs, **_CHECK, **_ONLY_AT_CREATION)
        if inputs.get("cloudwatchAlarmName"):
            config["AlarmIdentifier"] = {
                "Name": inputs["cloudwatchAlarmName"],
                "Region": inputs.get("cloudwatchAlarmRegion") or aws.region,
            }
        reference = f"{inputs.get('referenceName') or 'lab'}-{uuid.uuid4()}"
        answer = aws.call("route53", "create_health_check", CallerReference=reference, HealthCheckConfig=config)
        check_id = answer["HealthCheck"]["Id"]
        self._tag(aws, check_id, {}, inputs)
        return check_id

    @staticmethod
    def _tag(aws: Aws, check_id: str, old: Inputs, new: Inputs) -> None:
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        arguments: Inputs = {"RemoveTagKeys": gone} if gone else {}
        if new.get("tagsAll"):
            arguments["AddTags"] = tag_list(new["tagsAll"])
        if arguments:
            aws.call(
                "route53", "change_tags_for_resource", ResourceType="healthcheck", ResourceId=check_id, **arguments
            )

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": f"arn:aws:route53:::healthcheck/{resource_id}"}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        config = aws.call("route53", "get_health_check", HealthCheckId=resource_id)["HealthCheck"]["HealthCheckConfig"]
        known = {**_CHECK, **_ONLY_AT_CREATION}
        live: Inputs = {known[key]: value for key, value in config.items() if key in known}
        tags = aws.call("route53", "list_tags_for_resource", ResourceType="healthcheck", ResourceId=resource_id)
        live["tagsAll"] = tag_map(tags["ResourceTagSet"]["Tags"])
        return live

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        config = picked(new, **_CHECK)
        aws.call("route53", "update_health_check", HealthCheckId=resource_id, **config)
        self._tag(aws, resource_id, old, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("route53", "delete_health_check", HealthCheckId=resource_id)


class ZoneAssociation(Handler):
    """A private zone that is resolved in one more network."""

    is_global = True

    @staticmethod
    def _request(resource_id: str) -> dict[str, Plain]:
        zone, vpc, region = resource_id.split(":")
        return {"HostedZoneId": zone, "VPC": {"VPCId": vpc, "VPCRegion": region}}

    def create(self, aws: Aws, inputs: Inputs) -> str:
        made = f"{inputs['zoneId']}:{inputs['vpcId']}:{inputs['vpcRegion']}"
        aws.call("route53", "associate_vpc_with_hosted_zone", **self._request(made))
        return made

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        zone, vpc, region = resource_id.split(":")
        networks = aws.call("route53", "get_hosted_zone", Id=zone).get("VPCs") or []
        if {"VPCId": vpc, "VPCRegion": region} not in networks:
            raise NotFound(resource_id)
        return {"zoneId": zone, "vpcId": vpc, "vpcRegion": region}

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("route53", "disassociate_vpc_from_hosted_zone", **self._request(resource_id))


HANDLERS: dict[str, Handler] = {
    "aws:route53/record:Record": Record(),
    "aws:route53/healthCheck:HealthCheck": HealthCheck(),
    "aws:route53/zoneAssociation:ZoneAssociation": ZoneAssociation(),
}
