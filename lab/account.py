"""What UltraMarket already has in its account: its public name in use, a cluster, a network for the DR site."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
PROD_NAMESPACE = "ultramarket-production"
PROD_CLUSTER, DR_CLUSTER = "ultramarket-production", "ultramarket-dr"
ZONE, PUBLIC_NAME = "ultramarket.com", "api.ultramarket.com"
PROD_EDGE, DR_EDGE = "edge.prod.ultramarket.com", "edge-dr.ultramarket.com"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The ids that AWS gave to what the stacks' configuration names. `subnets`: two private ones, two public ones."""

    zone: str
    subnets: tuple[str, ...]
    certificate: str


def fill_account(cloud: Callable[[str, str], Any]) -> Account:
    """Make it all. `cloud` gives a client by service and region."""
    route53 = cloud("route53", "us-east-1")
    zone = route53.create_hosted_zone(Name=ZONE, CallerReference="lab")["HostedZone"]["Id"]
    live = {"Name": PUBLIC_NAME, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": PROD_EDGE}]}
    changes = [{"Action": "CREATE", "ResourceRecordSet": live}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    cloud("eks", "us-east-1").create_cluster(
        name=PROD_CLUSTER, roleArn=f"arn:aws:iam::{ACCOUNT}:role/eks", resourcesVpcConfig={"subnetIds": []}
    )
    ec2 = cloud("ec2", "us-west-2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{n}.0/24", AvailabilityZone=f"us-west-2{letter}")["Subnet"]
        for n, letter in enumerate("abab")
    ]
    names = {"DomainName": PUBLIC_NAME, "SubjectAlternativeNames": [DR_EDGE]}
    certificate = cloud("acm", "us-west-2").request_certificate(**names)["CertificateArn"]
    return Account(zone=zone, subnets=tuple(each["SubnetId"] for each in made), certificate=certificate)
