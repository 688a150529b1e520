"""EC2's objects: made, listed, tagged and deleted all alike, following botocore's model of each request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.providers.aws.base import Aws, Handler, NotFound, removed_tags, tag_list, tag_map
from lab.providers.aws.shapes import from_response, to_request
from lab.providers.base import Inputs

NOT_SENT = {"region", "tags", "tagsAll"}
SWITCHES = ("enableDnsSupport", "enableDnsHostnames")
_GONE = {"deleted", "deleting", "released"}


@dataclass(frozen=True)
class Ec2(Handler):
    """`noun` names the requests (create_NOUN, describe_NOUNs, delete_NOUN), `shape` the object in their answers.
    Inputs that creation does not know are set by `after`."""

    noun: str
    shape: str
    tagged_as: str = ""
    id_key: str = ""
    made_by: str = ""
    ended_by: str = ""
    listed_as: str = ""
    many: bool = False
    """The request that ends it takes a list."""
    later: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Outputs by the name they have in EC2's answer."""

    @property
    def _id(self) -> str:
        return self.id_key or f"{self.shape}Id"

    def create(self, aws: Aws, inputs: Inputs) -> str:
        operation = self.made_by or f"create_{self.noun}"
        wanted = {
            key: value for key, value in inputs.items() if key not in {*NOT_SENT, *self.later} and key[:2] != "__"
        }
        request = to_request(wanted, model(aws, operation))
        if inputs.get("tagsAll") and self.tagged_as:
            request["TagSpecifications"] = [{"ResourceType": self.tagged_as, "Tags": tag_list(inputs["tagsAll"])}]
        answer = aws.call("ec2", operation, **request)
        made = answer.get(self.shape, answer)[self._id]
        self.after(aws, made, {}, inputs)
        return made

    def after(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        """What is set in requests of its own, at creation (`old` is empty) and in updates."""

    def live(self, aws: Aws, resource_id: str) -> dict[str, Any]:
        """The object in EC2's answer. Raises NotFound."""
        listed = self.listed_as or f"{self.shape}s"
        operation = "describe_addresses" if listed == "Addresses" else f"describe_{self.noun}s"
        wanted: Inputs = {f"{self._id}s": [resource_id]}
        found = aws.call("ec2", operation, **wanted)[listed]
        state = found[0].get("State") or found[0].get("Status") if found else "deleted"
        if (state.get("Code") if isinstance(state, dict) else state) in _GONE:
            raise NotFound(resource_id)
        return found[0]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = from_response(self.live(aws, resource_id)) if self.renamed else {}
        made = {ours: found.get(theirs, "") for ours, theirs in self.renamed.items()}
        if "arn" in self.computed:
            made["arn"] = f"arn:aws:ec2:{aws.region}:{aws.account}:{self.tagged_as}/{resource_id}"
        return made

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self.live(aws, resource_id)
        return {**from_response(found), "tagsAll": tag_map(found.get("Tags", []))}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.after(aws, resource_id, old, new)
        update_tags(aws, resource_id, old, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        operation = self.ended_by or f"delete_{self.noun}"
        argument: Inputs = {f"{self._id}s": [resource_id]} if self.many else {self._id: resource_id}
        aws.call("ec2", operation, **argument)


def update_tags(aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
    """Give an object of EC2 the new tags and take the others away."""
    gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
    if gone:
        aws.call("ec2", "delete_tags", Resources=[resource_id], Tags=[{"Key": key} for key in gone])
    if new.get("tagsAll"):
        aws.call("ec2", "create_tags", Resources=[resource_id], Tags=tag_list(new["tagsAll"]))


def model(aws: Aws, operation: str) -> Any:
    """botocore's model of a request."""
    client = aws.client("ec2")
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape


class Vpc(Ec2):
    """Its DNS switches are attributes, each set and read alone."""

    def after(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        for key in SWITCHES:
            if new.get(key) is not None and new[key] != old.get(key):
                switch: Inputs = {key[:1].upper() + key[1:]: {"Value": new[key]}}
                aws.call("ec2", "modify_vpc_attribute", VpcId=resource_id, **switch)

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        live = super().read(aws, resource_id, inputs)
        for key in SWITCHES:
            if key in inputs:
                found = aws.call("ec2", "describe_vpc_attribute", VpcId=resource_id, Attribute=key)
                live[key] = found[key[:1].upper() + key[1:]]["Value"]
        return live


class InternetGateway(Ec2):
    """Made alone, then attached."""

    def after(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        if old.get("vpcId") == new.get("vpcId"):
            return
        if old.get("vpcId"):
            aws.call("ec2", "detach_internet_gateway", InternetGatewayId=resource_id, VpcId=old["vpcId"])
        if new.get("vpcId"):
            aws.call("ec2", "attach_internet_gateway", InternetGatewayId=resource_id, VpcId=new["vpcId"])

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        live = super().read(aws, resource_id, inputs)
        attached = live.pop("attachments", [])
        return {**live, "vpcId": attached[0]["vpcId"] if attached else ""}

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        self.after(aws, resource_id, inputs, {})
        super().delete(aws, resource_id, inputs)


class Subnet(Ec2):
    """Whether it gives out public addresses is an attribute."""

    def after(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        public = bool(new.get("mapPublicIpOnLaunch"))
        if public != bool(old.get("mapPublicIpOnLaunch")):
            setting = {"Value": public}
            aws.call("ec2", "modify_subnet_attribute", SubnetId=resource_id, MapPublicIpOnLaunch=setting)


class Endpoint(Ec2):
    """Its route tables are changed by difference."""

    def after(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        before, now = set(old.get("routeTableIds") or []), set(new.get("routeTableIds") or [])
        if old and before != now:
            change = {"AddRouteTableIds": sorted(now - before), "RemoveRouteTableIds": sorted(before - now)}
            given: Inputs = {key: value for key, value in change.items() if value}
            aws.call("ec2", "modify_vpc_endpoint", VpcEndpointId=resource_id, **given)
