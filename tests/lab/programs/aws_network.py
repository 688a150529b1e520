"""The DR site's network as the dr stack declares it, and production's side of the peering."""

import pulumi
import pulumi_aws as aws

from components.network.network import Network, NetworkArgs
from components.network.peering_acceptance import PeeringAcceptance, PeeringAcceptanceArgs

config = pulumi.Config()
dr, prod = aws.Provider("dr", region="us-west-2"), aws.Provider("prod", region="us-east-1")
network = Network(
    "network",
    NetworkArgs(
        region="us-west-2",
        cidr="10.20.0.0/16",
        zones=["us-west-2a", "us-west-2b"],
        peer_vpc=config.require("production"),
        peer_cidr="10.10.0.0/16",
        peer_region="us-east-1",
    ),
    pulumi.ResourceOptions(providers=[dr]),
)
peering = config.get("peering")
if peering:
    PeeringAcceptance(
        "answer",
        PeeringAcceptanceArgs(
            region="us-east-1",
            peering=peering,
            dr_vpc=network.vpc.id,
            dr_region="us-west-2",
            dr_cidr="10.20.0.0/16",
            route_tables=[config.require("table")],
            security_group=config.require("group"),
            primary_port=5432,
            redis_security_group=config.require("group"),
            redis_port=6379,
            private_zone=config.require("zone"),
        ),
        pulumi.ResourceOptions(providers=[prod]),
    )
pulumi.export("peering", network.peering_id)
pulumi.export("private", network.private_subnet_ids)
