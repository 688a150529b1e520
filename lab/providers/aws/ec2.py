"""EC2's networks: what a VPC is made of. Most types are a row of the table at the end."""

from lab.providers.aws.base import Aws, Handler, NotFound, tag_list, tag_map
from lab.providers.aws.ec2_objects import NOT_SENT, SWITCHES, Ec2, Endpoint, InternetGateway, Subnet, Vpc, model
from lab.providers.aws.shapes import from_response, to_request
from lab.providers.aws.vpc import SecurityGroup
from lab.providers.base import Inputs


class Route(Handler):
    """One line of a route table."""

    computed = ("state", "origin")

    @staticmethod
    def _request(aws: Aws, inputs: Inputs) -> Inputs:
        wanted = {key: value for key, value in inputs.items() if key not in NOT_SENT and key[:2] != "__"}
        return to_request(wanted, model(aws, "create_route"))

    def create(self, aws: Aws, inputs: Inputs) -> str:
        aws.call("ec2", "create_route", **self._request(aws, inputs))
        return f"{inputs['routeTableId']}_{inputs['destinationCidrBlock']}"

    def _live(self, aws: Aws, resource_id: str) -> Inputs:
        table, _, destination = resource_id.partition("_")
        (found,) = aws.call("ec2", "describe_route_tables", RouteTableIds=[table])["RouteTables"]
        for route in found["Routes"]:
            if route.get("DestinationCidrBlock") == destination:
                return from_response(route)
        raise NotFound(resource_id)

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        live = self._live(aws, resource_id)
        return {"state": live.get("state", ""), "origin": live.get("origin", "")}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"routeTableId": resource_id.partition("_")[0], **self._live(aws, resource_id)}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        aws.call("ec2", "replace_route", **self._request(aws, new))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        table, _, destination = resource_id.partition("_")
        aws.call("ec2", "delete_route", RouteTableId=table, DestinationCidrBlock=destination)


class Association(Handler):
    """A subnet with its route table."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        request = {"RouteTableId": inputs["routeTableId"], "SubnetId": inputs["subnetId"]}
        return aws.call("ec2", "associate_route_table", **request)["AssociationId"]

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        wanted = [{"Name": "association.route-table-association-id", "Values": [resource_id]}]
        for table in aws.call("ec2", "describe_route_tables", Filters=wanted)["RouteTables"]:
            for one in table["Associations"]:
                if one["RouteTableAssociationId"] == resource_id:
                    return {"routeTableId": one["RouteTableId"], "subnetId": one["SubnetId"]}
        raise NotFound(resource_id)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("ec2", "disassociate_route_table", AssociationId=resource_id)


class Peering(Ec2):
    """Its status is a block; what programs read is the code in it."""

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"acceptStatus": self.live(aws, resource_id)["Status"]["Code"]}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self.live(aws, resource_id)
        mine, other = found["RequesterVpcInfo"], found["AccepterVpcInfo"]
        ends = {"vpcId": mine["VpcId"], "peerVpcId": other["VpcId"], "peerRegion": other.get("Region")}
        return {**{key: value for key, value in ends.items() if value}, "tagsAll": tag_map(found.get("Tags", []))}


class Accepter(Peering):
    """The other side of a peering. Deleting it makes no request: the peering ends with its requester."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        peering = inputs["vpcPeeringConnectionId"]
        if inputs.get("autoAccept") and self.live(aws, peering)["Status"]["Code"] == "pending-acceptance":
            aws.call("ec2", "accept_vpc_peering_connection", VpcPeeringConnectionId=peering)
        self.update(aws, peering, {}, inputs)
        return peering

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        self.live(aws, resource_id)
        # Each side has tags of its own; the stand-in keeps one set for both.
        return {"vpcPeeringConnectionId": resource_id}

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        return


class LaunchTemplate(Handler):
    """What a node group starts its nodes with; a change makes a new version. Only metadata options are known here."""

    computed = ("arn", "defaultVersion", "latestVersion")

    @staticmethod
    def _data(aws: Aws, inputs: Inputs) -> Inputs:
        shape = model(aws, "create_launch_template").members["LaunchTemplateData"]
        return to_request({"metadataOptions": inputs.get("metadataOptions")}, shape)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        request: Inputs = {"LaunchTemplateName": inputs["name"], "LaunchTemplateData": self._data(aws, inputs)}
        if inputs.get("tagsAll"):
            tags = tag_list(inputs["tagsAll"])
            request["TagSpecifications"] = [{"ResourceType": "launch-template", "Tags": tags}]
        made = aws.call("ec2", "create_launch_template", **request)
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def _live(self, aws: Aws, resource_id: str) -> Inputs:
        (found,) = aws.call("ec2", "describe_launch_templates", LaunchTemplateIds=[resource_id])["LaunchTemplates"]
        return found

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._live(aws, resource_id)
        return {
            "arn": f"arn:aws:ec2:{aws.region}:{aws.account}:launch-template/{resource_id}",
            "defaultVersion": found["DefaultVersionNumber"],
            "latestVersion": found["LatestVersionNumber"],
        }

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._live(aws, resource_id)
        versions = aws.call("ec2", "describe_launch_template_versions", LaunchTemplateId=resource_id)
        newest = max(versions["LaunchTemplateVersions"], key=lambda each: each["VersionNumber"])
        live: Inputs = from_response(newest["LaunchTemplateData"])
        return {"name": found["LaunchTemplateName"], **live, "tagsAll": tag_map(found.get("Tags", []))}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        data = self._data(aws, new)
        if data != self._data(aws, old):
            aws.call("ec2", "create_launch_template_version", LaunchTemplateId=resource_id, LaunchTemplateData=data)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("ec2", "delete_launch_template", LaunchTemplateId=resource_id)


def _peering(kind: type[Peering]) -> Peering:
    return kind("vpc_peering_connection", "VpcPeeringConnection", "vpc-peering-connection", computed=("acceptStatus",))


HANDLERS: dict[str, Handler] = {
    "aws:ec2/vpc:Vpc": Vpc("vpc", "Vpc", "vpc", later=SWITCHES, computed=("arn",)),
    "aws:ec2/subnet:Subnet": Subnet("subnet", "Subnet", "subnet", later=("mapPublicIpOnLaunch",), computed=("arn",)),
    "aws:ec2/internetGateway:InternetGateway": InternetGateway(
        "internet_gateway", "InternetGateway", "internet-gateway", later=("vpcId",), computed=("arn",)
    ),
    "aws:ec2/eip:Eip": Ec2(
        "address",
        "Address",
        "elastic-ip",
        id_key="AllocationId",
        listed_as="Addresses",
        made_by="allocate_address",
        ended_by="release_address",
        renamed={"allocationId": "allocationId", "publicIp": "publicIp"},
        computed=("allocationId", "publicIp"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": LaunchTemplate(),
    "aws:ec2/natGateway:NatGateway": Ec2("nat_gateway", "NatGateway", "natgateway"),
    "aws:ec2/routeTable:RouteTable": Ec2("route_table", "RouteTable", "route-table", computed=("arn",)),
    "aws:ec2/route:Route": Route(),
    "aws:ec2/securityGroup:SecurityGroup": SecurityGroup(),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Association(),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Endpoint(
        "vpc_endpoint", "VpcEndpoint", "vpc-endpoint", ended_by="delete_vpc_endpoints", many=True, computed=("arn",)
    ),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": _peering(Peering),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": _peering(Accepter),
}
