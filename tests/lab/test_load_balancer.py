"""The stand-in for a load balancer: nobody listens until one is declared, and then requests go by its rules."""

import http.client
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import dns.message
import dns.query
import pytest

from lab.aws.site import Aws, start_dns, start_load_balancers
from lab.machine.addresses import DNS_PORT, EDGE_PORT
from lab.machine.processes import wait_until
from tests.support.clients import client, unique

PORT = 30083


class Balancer:
    """A load balancer in the DR region with one rule: /v2/order leads to a node port."""

    def __init__(self, aws: Aws) -> None:
        self.aws, self.elb = aws, client(aws, "elbv2", "operator", "us-west-2")

    def declare(self) -> None:
        ec2 = client(self.aws, "ec2", "operator", "us-west-2")
        vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/24")["Subnet"]["SubnetId"]
        made = self.elb.create_load_balancer(Name=unique("edge"), Subnets=[subnet])["LoadBalancers"][0]
        self.arn, self.name = made["LoadBalancerArn"], made["DNSName"]
        group = {"Name": unique("order"), "Protocol": "HTTP", "Port": PORT, "VpcId": vpc, "TargetType": "instance"}
        self.group = self.elb.create_target_group(**group)["TargetGroups"][0]["TargetGroupArn"]
        certificate = client(self.aws, "acm", "operator", "us-west-2").request_certificate(DomainName="shop.test")
        nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        listener = self.elb.create_listener(
            LoadBalancerArn=self.arn,
            Protocol="HTTPS",
            Port=443,
            Certificates=[{"CertificateArn": certificate["CertificateArn"]}],
            DefaultActions=[nothing],
        )["Listeners"][0]["ListenerArn"]
        paths = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v2/order", "/v2/order/*"]}}
        forward = {"Type": "forward", "TargetGroupArn": self.group}
        self.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[paths], Actions=[forward])

    def status(self, path: str) -> int | None:
        """What a customer gets; None while nobody listens."""
        connection = http.client.HTTPConnection(self.aws.block.dr.edge, EDGE_PORT, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    def becomes(self, path: str, status: int | None) -> None:
        wait_until(lambda: self.status(path) == status, what=f"{path} to become {status}", interval=0.05)

    def address(self) -> str:
        query = dns.message.make_query(self.name, "A")
        reply = dns.query.udp(query, self.aws.block.dns, port=DNS_PORT, timeout=10)
        return reply.answer[-1].to_text().split()[-1] if reply.answer else ""


@pytest.fixture
def balancer(aws: Aws) -> Iterator[Balancer]:
    start_load_balancers(aws)
    start_dns(aws, {})
    yield Balancer(aws)
    for name in ("load-balancers", "route53"):
        aws.supervisor.stop(name)


def test_an_edge_is_there_when_it_is_declared_and_leads_where_its_rules_say(balancer: Balancer, aws: Aws) -> None:
    assert balancer.status("/v2/order/health") is None
    balancer.declare()
    balancer.becomes("/v2/order/health", 503)  # no node is a target
    wait_until(lambda: balancer.address() == aws.block.dr.edge, what="its name to lead there")
    balancer.elb.register_targets(TargetGroupArn=balancer.group, Targets=[{"Id": "nodes"}])
    balancer.becomes("/v2/order/health", 502)  # no Pod behind the node port
    with node(aws):
        assert [balancer.status(path) for path in ("/v2/order", "/v2/order/health")] == [200, 200]
        assert [balancer.status(path) for path in ("/v2/orders", "/v2/cart/health", "/")] == [404, 404, 404]
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    balancer.becomes("/v2/order/health", None)


class node:
    """What answers on the node's port while the block runs."""

    def __init__(self, aws: Aws) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer((aws.block.dr.node, PORT), Handler)

    def __enter__(self) -> None:
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
