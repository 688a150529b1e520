"""Production's side of the way from the DR site: the peering, and what lets those who follow reach what they follow."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child


@dataclass(frozen=True, kw_only=True)
class PeeringAcceptanceArgs:
    """`peering`, `dr_vpc` and `dr_region` are what the dr stack has; the tables route production's subnets that the DR
    site must reach. `security_group` guards the primary, `redis_security_group` Redis, `private_zone` has their names;
    each empty for none."""

    region: str
    peering: str
    dr_vpc: pulumi.Input[str]
    dr_region: str
    dr_cidr: str
    route_tables: list[str]
    security_group: str
    primary_port: int
    redis_security_group: str
    redis_port: int
    private_zone: str


class PeeringAcceptance(pulumi.ComponentResource):
    """Accepts the DR site's request, routes the answers back, and opens the primary's port and its name to that side.

    Homed in production's region, so it is the prod stack's. Destroying it leaves the peering: that ends with the side
    that requested it. The range is the whole DR network's, not that of its Pods: what leaves a VPC has its node's
    address (https://docs.aws.amazon.com/eks/latest/userguide/external-snat.md), and nodes come and go.
    """

    def __init__(self, name: str, args: PeeringAcceptanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:PeeringAcceptance", name, None, opts)
        accepted = aws.ec2.VpcPeeringConnectionAccepter(
            f"{name}-accepter",
            region=args.region,
            vpc_peering_connection_id=args.peering,
            auto_accept=True,
            tags={"Name": "ultramarket-dr"},
            opts=as_child(self),
        )
        for table in args.route_tables:
            aws.ec2.Route(
                f"{name}-{table}",
                region=args.region,
                route_table_id=table,
                destination_cidr_block=args.dr_cidr,
                vpc_peering_connection_id=args.peering,
                opts=as_child(self, depends_on=[accepted]),
            )
        ways = (
            ("primary", args.security_group, args.primary_port, "PostgreSQL for the DR site's standby"),
            ("redis", args.redis_security_group, args.redis_port, "Redis for the DR site's replica"),
        )
        for what, group, port, description in ways:
            if group:
                aws.vpc.SecurityGroupIngressRule(
                    f"{name}-{what}",
                    region=args.region,
                    security_group_id=group,
                    description=description,
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    cidr_ipv4=args.dr_cidr,
                    opts=as_child(self),
                )
        if args.private_zone:
            aws.route53.ZoneAssociation(
                f"{name}-zone",
                zone_id=args.private_zone,
                vpc_id=args.dr_vpc,
                vpc_region=args.dr_region,
                opts=as_child(self),
            )
        self.register_outputs({"status": accepted.accept_status})
