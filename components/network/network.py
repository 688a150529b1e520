"""The DR site's own network: private subnets in every zone, a way out of each, and the way to production."""

# Annotations stay unread: the EC2 SDK takes half a second to load, and only a stack with a network needs it.
from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.site.subnets import ZoneRanges, zone_ranges

_EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """`cidr` from /16 to /20, two or three zones of `region`. `peer_vpc` is production's network, empty for none."""

    region: str
    cidr: str
    zones: list[str]
    peer_vpc: str = ""
    peer_cidr: str = ""
    peer_region: str = ""


class Network(pulumi.ComponentResource):
    """A VPC with, in every zone, a private subnet for nodes and Pods and a public one for the edge and a NAT gateway.

    A zone's way out is its own: losing a zone takes no other zone's NAT along. S3 and DynamoDB of this region are
    reached by gateway endpoints, which cost nothing and need no NAT. Interface endpoints could not take the NAT's
    place: the guard renews at the other region's replica when its own does not answer, and DynamoDB is not among the
    services with endpoints across regions (docs/adr/0007).

    The peering is requested here and so is homed in the DR region: it can be looked at and routed over with
    production's region gone. Production accepts it in the prod stack.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:Network", name, None, opts)
        self._name = name
        self.vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": name},
            opts=as_child(self),
        )
        gateway = aws.ec2.InternetGateway(
            f"{name}-gateway", vpc_id=self.vpc.id, tags={"Name": name}, opts=as_child(self)
        )
        outside = aws.ec2.RouteTable(
            f"{name}-public-routes", vpc_id=self.vpc.id, tags={"Name": f"{name}-public"}, opts=as_child(self)
        )
        self._route(f"{name}-public-out", outside, _EVERYWHERE, gateway_id=gateway.id)
        ranges = zone_ranges(args.cidr, args.zones)
        zones = [self._zone(f"{name}-{each.zone}", each, outside, gateway) for each in ranges]
        self.private_subnet_ids = [private.id for private, _, _ in zones]
        self.public_subnet_ids = [public.id for _, public, _ in zones]
        tables = [table for _, _, table in zones]
        for service in ("s3", "dynamodb"):
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{args.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                tags={"Name": f"{name}-{service}"},
                opts=as_child(self),
            )
        self.peering_id = self._peering(args, dict(zip(args.zones, tables, strict=True))) if args.peer_vpc else None
        self.register_outputs({"vpc_id": self.vpc.id, "private_subnet_ids": self.private_subnet_ids})

    def _zone(
        self, name: str, ranges: ZoneRanges, outside: aws.ec2.RouteTable, gateway: aws.ec2.InternetGateway
    ) -> tuple[aws.ec2.Subnet, aws.ec2.Subnet, aws.ec2.RouteTable]:
        """Private subnet with its route table; public subnet; NAT gateway. No address is public by default."""
        private = self._subnet(f"{name}-private", ranges.zone, ranges.private)
        public = self._subnet(f"{name}-public", ranges.zone, ranges.public)
        address = aws.ec2.Eip(
            f"{name}-address", domain="vpc", tags={"Name": name}, opts=as_child(self, depends_on=[gateway])
        )
        nat = aws.ec2.NatGateway(
            f"{name}-nat",
            allocation_id=address.allocation_id,
            subnet_id=public.id,
            tags={"Name": name},
            opts=as_child(self, depends_on=[gateway]),
        )
        inside = aws.ec2.RouteTable(
            f"{name}-routes", vpc_id=self.vpc.id, tags={"Name": f"{name}-private"}, opts=as_child(self)
        )
        self._route(f"{name}-out", inside, _EVERYWHERE, nat_gateway_id=nat.id)
        for subnet, table, kind in ((private, inside, "private"), (public, outside, "public")):
            aws.ec2.RouteTableAssociation(
                f"{name}-{kind}-association", subnet_id=subnet.id, route_table_id=table.id, opts=as_child(self)
            )
        return private, public, inside

    def _subnet(self, name: str, zone: str, cidr: str) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            name,
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={"Name": name},
            opts=as_child(self),
        )

    def _peering(self, args: NetworkArgs, tables: dict[str, aws.ec2.RouteTable]) -> pulumi.Output[str]:
        """A route over a peering that is not accepted yet leads nowhere, and begins to work with the acceptance."""
        name = self._name
        peering = aws.ec2.VpcPeeringConnection(
            f"{name}-peering",
            vpc_id=self.vpc.id,
            peer_vpc_id=args.peer_vpc,
            peer_region=args.peer_region,
            tags={"Name": f"{name}-production"},
            opts=as_child(self),
        )
        for zone, table in tables.items():
            self._route(f"{name}-{zone}-production", table, args.peer_cidr, vpc_peering_connection_id=peering.id)
        return peering.id

    def _route(self, name: str, table: aws.ec2.RouteTable, to: str, **target: pulumi.Input[str]) -> None:
        aws.ec2.Route(name, route_table_id=table.id, destination_cidr_block=to, **target, opts=as_child(self))
