"""Production's side of the peering with the DR network."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child


@dataclass(frozen=True, kw_only=True)
class PeeringAcceptanceArgs:
    """`peering` is what the dr stack exports; the tables route production's subnets that the DR site must reach."""

    region: str
    peering: str
    dr_cidr: str
    route_tables: list[str]


class PeeringAcceptance(pulumi.ComponentResource):
    """Accepts the DR site's request and routes the answers back. Homed in production's region, so it is the prod
    stack's. Destroying it leaves the peering: that ends with the side that requested it."""

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
        self.register_outputs({"status": accepted.accept_status})
