"""Which network the DR site runs in: one that exists, or one of its own with a way to production's."""

import ipaddress
import re
from dataclasses import dataclass

from infra.settings.config import Config
from recovery.plan.plan import Plan
from recovery.site.subnets import MOST_ZONES, NARROWEST, WIDEST

_SUBNET = r"subnet-[0-9a-f]+"
_GROUP = r"sg-[0-9a-f]+"
_VPC = r"vpc-[0-9a-f]+"


@dataclass(frozen=True, kw_only=True)
class DrNetwork:
    """Either `subnet_ids` and `public_subnet_ids`, or `cidr` and `zones`; `production_vpc` with its range is for
    peering, empty for none."""

    subnet_ids: list[str]
    public_subnet_ids: list[str]
    cidr: str
    zones: list[str]
    production_vpc: str
    production_cidr: str


@dataclass(frozen=True, kw_only=True)
class Peering:
    """Production's side of it: what the dr stack exports, and the tables that route the answers.

    `security_group` is the one before the primary, `redis_security_group` the one before Redis, `private_zone` the one
    with their names; each empty for none.
    """

    connection: str
    dr_vpc: str
    dr_cidr: str
    route_tables: list[str]
    security_group: str
    redis_security_group: str
    private_zone: str


def dr_network(config: Config, plan: Plan) -> DrNetwork:
    """Read from the dr stack's configuration."""
    if not config.given("vpcCidr"):
        for key in ("zones", "productionVpc", "productionCidr"):
            if config.given(key):
                config.problems.append(f"{config.namespace}:{key}: belongs to a network of our own; expected vpcCidr")
        expected = "a private subnet's id; two zones at least (or vpcCidr and zones, to have a network made)"
        subnets = config.texts("subnetIds", _SUBNET, expected, least=2)
        public = "a public subnet's id for the edge, in the same network; two zones at least"
        return DrNetwork(
            subnet_ids=subnets,
            public_subnet_ids=_public(config, subnets, public),
            cidr="",
            zones=[],
            production_vpc="",
            production_cidr="",
        )
    for key in ("subnetIds", "publicSubnetIds"):
        if config.given(key):
            config.problems.append(f"{config.namespace}:{key}: expected either subnetIds or vpcCidr, found both")
    network = DrNetwork(
        subnet_ids=[],
        public_subnet_ids=[],
        cidr=config.cidr("vpcCidr", f"the range of a new network, /{WIDEST} to /{NARROWEST}"),
        zones=_zones(config, plan.sites.dr.region),
        production_vpc=config.text("productionVpc", _VPC, "production's VPC such as vpc-0123456789abcdef0", default=""),
        production_cidr=config.cidr("productionCidr", "production's range") if config.given("productionVpc") else "",
    )
    _check_ranges(config, network)
    return network


def peering(config: Config) -> Peering | None:
    """Read from the prod stack's configuration; None while there is nothing to accept."""
    if not config.given("drPeering"):
        for key in ("drVpc", "drVpcCidr", "routeTables", "primarySecurityGroup", "redisSecurityGroup", "privateZone"):
            if config.given(key):
                config.problems.append(f"{config.namespace}:{key}: belongs to a peering; expected drPeering")
        return None
    zone = config.text("privateZone", r"Z[0-9A-Z]+", "the private hosted zone that has the primary's name", default="")
    return Peering(
        connection=config.text("drPeering", r"pcx-[0-9a-f]+", "the dr stack's output `peering`"),
        # Only the private zone needs it.
        dr_vpc=config.text("drVpc", _VPC, "the dr stack's output `vpc`", default=None if zone else ""),
        dr_cidr=config.cidr("drVpcCidr", "the DR network's range, the dr stack's vpcCidr"),
        route_tables=config.texts("routeTables", r"rtb-[0-9a-f]+", "a route table of production's subnets"),
        security_group=config.text("primarySecurityGroup", _GROUP, "the primary's security group", default=""),
        redis_security_group=config.text("redisSecurityGroup", _GROUP, "Redis's security group", default=""),
        private_zone=zone,
    )


def _public(config: Config, private: list[str], expected: str) -> list[str]:
    """A load balancer in the nodes' subnets would have no way in from outside."""
    subnets = config.texts("publicSubnetIds", _SUBNET, expected, least=2)
    if both := sorted(set(private) & set(subnets)):
        config.wrong("publicSubnetIds", f"{expected}, none of them among subnetIds", both)
    return subnets


def _zones(config: Config, region: str) -> list[str]:
    expected = f"a zone of {region} such as {region}a"
    zones = config.texts("zones", rf"{re.escape(region)}[a-f]", expected, least=2)
    if len(zones) > MOST_ZONES or len(set(zones)) != len(zones):
        config.wrong("zones", f"two or {MOST_ZONES} different zones", zones)
    return zones


def _check_ranges(config: Config, network: DrNetwork) -> None:
    """What AWS would refuse in the middle of an apply, or accept and never route."""
    if not network.cidr:
        return
    own = ipaddress.ip_network(network.cidr)
    if own.version != 4 or not WIDEST <= own.prefixlen <= NARROWEST:
        config.wrong("vpcCidr", f"an IPv4 range from /{WIDEST} to /{NARROWEST}", network.cidr)
    production = ipaddress.ip_network(network.production_cidr) if network.production_cidr else None
    if production and production.version == own.version and own.overlaps(production):
        config.wrong("vpcCidr", f"a range outside of production's {network.production_cidr}", network.cidr)
