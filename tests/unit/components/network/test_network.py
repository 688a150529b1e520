"""The DR site's network: how its range is cut, which way out each zone has, and how production is reached."""

import ipaddress
from collections import Counter
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from recovery.site.subnets import zone_ranges
from tests.support import stacks
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

ZONES = ["us-west-2a", "us-west-2b"]
OWN = {
    "subnetIds": None,
    "publicSubnetIds": None,
    "vpcCidr": "10.20.0.0/16",
    "zones": ZONES,
    "productionVpc": "vpc-0123456789abcdef0",
    "productionCidr": "10.10.0.0/16",
}


ANSWER = {"drPeering": "pcx-0123456789abcdef0", "drVpcCidr": "10.20.0.0/16", "routeTables": ["rtb-01", "rtb-02"]}


def _accepted(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the prod stack declares for the way from the DR site."""
    return {each.name: each.inputs for each in stacks.declare("prod", settings) if each.name.startswith("dr-peering-")}


@cache
def network() -> dict[str, Declared]:
    """What the dr stack declares of a network of its own."""
    found = stacks.declare("dr", OWN)
    return {each.name: each for each in found if each.type.startswith("aws:ec2/") or each.name.startswith("warm")}


def inputs(name: str) -> dict[str, Any]:
    """Inputs of one resource."""
    return network()[name].inputs


@given(
    prefix=some.integers(16, 20),
    number=some.integers(0, 255),
    zones=some.integers(2, 3),
)
def test_subnets_never_overlap_and_lie_in_the_network(prefix: int, number: int, zones: int) -> None:
    own = ipaddress.ip_network((f"10.{number}.0.0", prefix), strict=False)
    found = zone_ranges(str(own), [f"zone-{each}" for each in range(zones)])
    subnets = [ipaddress.ip_network(each) for one in found for each in (one.private, one.public)]
    assert len(subnets) == 2 * zones
    for position, subnet in enumerate(subnets):
        assert subnet.subnet_of(own)  # pyright: ignore[reportArgumentType]
        assert subnet.prefixlen <= 28, "AWS has no smaller subnets"
        assert not any(subnet.overlaps(other) for other in subnets[position + 1 :])


@pytest.mark.parametrize(("cidr", "zones"), [("10.0.0.0/8", 2), ("10.0.0.0/24", 2), ("10.0.0.0/16", 1)])
def test_a_range_that_does_not_fit_is_refused(cidr: str, zones: int) -> None:
    with pytest.raises(ValueError, match="needed, not"):
        zone_ranges(cidr, ZONES[:zones])


def test_with_existing_subnets_no_network_is_declared() -> None:
    made = {each.type for each in stacks.declare("dr") if each.type.startswith("aws:ec2/")}
    # The edge's, and the nodes'.
    assert made == {"aws:ec2/securityGroup:SecurityGroup", "aws:ec2/launchTemplate:LaunchTemplate"}


def test_every_zone_has_a_way_out_of_its_own() -> None:
    for zone in ZONES:
        assert inputs(f"network-{zone}-out")["natGatewayId"] == f"network-{zone}-nat-id"
        assert inputs(f"network-{zone}-nat")["subnetId"] == f"network-{zone}-public-id"
        association = inputs(f"network-{zone}-private-association")
        assert association == {"subnetId": f"network-{zone}-private-id", "routeTableId": f"network-{zone}-routes-id"}
    gateways = [each for each in network().values() if each.inputs.get("gatewayId")]
    assert [each.name for each in gateways] == ["network-public-out"], "no private subnet is routed to the internet"


def test_nodes_run_in_private_subnets_alone_and_no_address_is_public_by_default() -> None:
    private = [f"network-{zone}-private-id" for zone in ZONES]
    assert inputs("warm-cluster-cluster")["vpcConfig"]["subnetIds"] == private
    assert inputs("warm-cluster-nodes")["subnetIds"] == private
    subnets = [each.inputs for each in network().values() if each.type == "aws:ec2/subnet:Subnet"]
    assert len(subnets) == 4
    assert {each["mapPublicIpOnLaunch"] for each in subnets} == {False}
    assert Counter(each["availabilityZone"] for each in subnets) == dict.fromkeys(ZONES, 2)


def test_copies_and_the_control_table_are_reached_without_nat() -> None:
    for service in ("s3", "dynamodb"):
        endpoint = inputs(f"network-{service}")
        assert endpoint["serviceName"] == f"com.amazonaws.us-west-2.{service}"
        assert endpoint["routeTableIds"] == [f"network-{zone}-routes-id" for zone in ZONES]


def test_production_is_reached_over_a_peering_that_is_requested_here_and_accepted_there() -> None:
    peering = inputs("network-peering")
    assert (peering["peerVpcId"], peering["peerRegion"]) == ("vpc-0123456789abcdef0", "us-east-1")
    assert "autoAccept" not in peering, "across regions AWS refuses it"
    for zone in ZONES:
        route = inputs(f"network-{zone}-production")
        assert route["destinationCidrBlock"] == "10.10.0.0/16"
        assert route["vpcPeeringConnectionId"] == "network-peering-id"
    assert not any("accepter" in name for name in network())
    found = _accepted(ANSWER)
    assert found["dr-peering-accepter"]["region"] == "us-east-1"
    assert found["dr-peering-accepter"]["autoAccept"] is True
    assert {found[f"dr-peering-rtb-0{n}"]["routeTableId"] for n in (1, 2)} == {"rtb-01", "rtb-02"}


def test_the_primary_s_own_walls_open_to_the_whole_dr_network_when_named() -> None:
    """What leaves a VPC has its node's address: the range of Pods alone would let nobody in."""
    assert not [name for name in _accepted(ANSWER) if name in ("dr-peering-primary", "dr-peering-zone")]
    walls = {"drVpc": "vpc-0123456789abcdef0", "primarySecurityGroup": "sg-01", "privateZone": "Z01"}
    found = _accepted({**ANSWER, **walls, "primaryPort": 5433})
    rule = found["dr-peering-primary"]
    assert (rule["securityGroupId"], rule["cidrIpv4"], rule["ipProtocol"]) == ("sg-01", "10.20.0.0/16", "tcp")
    assert (rule["fromPort"], rule["toPort"], rule["region"]) == (5433, 5433, "us-east-1")
    zone = {"zoneId": "Z01", "vpcId": "vpc-0123456789abcdef0", "vpcRegion": "us-west-2"}
    assert found["dr-peering-zone"] == zone


def test_nothing_of_the_network_is_homed_in_production_s_region() -> None:
    """The dr stack must be changed and refreshed with that region gone."""
    assert {each.inputs.get("region") for each in network().values()} <= {None, "us-west-2"}
