"""The DR site's network on Pulumi's real engine: made once, refreshed and changed with production's region gone."""

from typing import Any

import pytest

from lab.aws.site import Aws
from lab.machine.engine import Engine
from lab.providers.replacement import table
from tests.support.clients import client
from tests.support.scratch_engine import NODES, STACK, MakeEngine, configure, differing
from tests.support.scratch_engine import make_engine as make_engine  # a fixture


@pytest.fixture
def production(aws: Aws) -> dict[str, str]:
    """Production's network, which exists."""
    ec2 = client(aws, "ec2", "operator", "us-east-1")
    vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="primary", Description="before the primary")["GroupId"]
    zone = client(aws, "route53", "operator", "us-east-1").create_hosted_zone(
        Name="ultramarket.internal",
        CallerReference=vpc,
        HostedZoneConfig={"PrivateZone": True},
        VPC={"VPCId": vpc, "VPCRegion": "us-east-1"},
    )["HostedZone"]["Id"]
    return {
        "production": vpc,
        "table": ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"],
        "group": group,
        "zone": zone.removeprefix("/hostedzone/"),
    }


@pytest.fixture
def engine(make_engine: MakeEngine, aws: Aws, production: dict[str, str]) -> Engine:
    """An engine on the program, nothing applied."""
    return make_engine("aws_network.py", production, aws.env("operator"))


def test_the_network_is_made_changed_and_refreshed_with_production_s_region_gone_and_joined_when_it_is_back(
    engine: Engine, aws: Aws, production: dict[str, str]
) -> None:
    engine.up(STACK).must()
    aws.reach.region_gone("us-east-1")
    program = engine.project_dir / "__main__.py"
    program.write_text(program.read_text().replace('"us-west-2b"]', '"us-west-2b", "us-west-2c"]'))
    changed = differing(engine.preview(STACK, refresh=True))
    assert changed.pop("network-s3") == changed.pop("network-dynamodb") == "update"
    assert all("us-west-2c" in name and op == "create" for name, op in changed.items())
    engine.up(STACK).must()
    aws.reach.restore_all()

    peering = engine.outputs(STACK)["peering"]
    configure(engine, "peering", peering)
    engine.up(STACK).must()  # production accepts
    resources = engine.export(STACK)["deployment"]["resources"]
    networks = {token for token in table() if token.startswith("aws:ec2/") and "securityGroup" not in token} - {NODES}
    assert networks <= {each["type"] for each in resources}
    ours, theirs = client(aws, "ec2", "operator"), client(aws, "ec2", "operator", "us-east-1")
    (found,) = ours.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"]
    assert found["Status"]["Code"] == "active"
    assert targets(theirs, production["table"])["10.20.0.0/16"] == peering
    (group,) = theirs.describe_security_groups(GroupIds=[production["group"]])["SecurityGroups"]
    assert sorted((each["FromPort"], each["IpRanges"][0]["CidrIp"]) for each in group["IpPermissions"]) == [
        (5432, "10.20.0.0/16"),
        (6379, "10.20.0.0/16"),
    ]
    zones = client(aws, "route53", "operator", "us-east-1").get_hosted_zone(Id=production["zone"])["VPCs"]
    assert "us-west-2" in {each["VPCRegion"] for each in zones}
    private = [each["id"] for each in resources if each["urn"].endswith("-routes") and "public" not in each["urn"]]
    assert len(private) == 3
    for each in private:
        assert targets(ours, each)["10.10.0.0/16"] == peering
        assert targets(ours, each)["0.0.0.0/0"].startswith("nat-")

    ours.delete_route(RouteTableId=private[0], DestinationCidrBlock="0.0.0.0/0")
    assert list(differing(engine.preview(STACK, refresh=True)).values()) == ["create"], "only what was taken away"
    engine.destroy(STACK).must()
    assert not [each for each in ours.describe_vpcs()["Vpcs"] if each["CidrBlock"] == "10.20.0.0/16"]


def targets(ec2: Any, table_id: str) -> dict[str, str]:
    """Where a table sends what, by destination."""
    (found,) = ec2.describe_route_tables(RouteTableIds=[table_id])["RouteTables"]
    keys = ("GatewayId", "NatGatewayId", "VpcPeeringConnectionId")
    return {
        each["DestinationCidrBlock"]: next(each[key] for key in keys if each.get(key))
        for each in found["Routes"]
        if "DestinationCidrBlock" in each
    }
