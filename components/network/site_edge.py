"""The DR site's edge: one load balancer in front of the nodes, with a rule for each service."""

# Annotations stay unread: the EC2 SDK takes half a second to load.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.site.edge import NODE_PORTS
from recovery.site.service_contract import READINESS_PATH, edge_path

_HTTPS = 443
_EVERYWHERE = "0.0.0.0/0"
_TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_DRAIN_SECONDS = 30
_PRIORITY_ZERO = min(NODE_PORTS.values()) - 1


@dataclass(frozen=True, kw_only=True)
class SiteEdgeArgs:
    """`subnet_ids` are public, in two zones at least. `certificate_arn` is of this region and covers the public name
    and the edge's own. `nodes` is the node group's Auto Scaling group, `nodes_security_group` its nodes' group."""

    load_balancer: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    certificate_arn: str
    services: list[str]
    nodes: pulumi.Input[str]
    nodes_security_group: pulumi.Input[str]


class SiteEdge(pulumi.ComponentResource):
    """An Application Load Balancer, its listener, and for each service a target group of all nodes on that service's
    node port.

    It is declared here and not by a controller inside the cluster, so nothing has to run there for the edge to exist
    or to follow Pods and nodes: the Auto Scaling group registers nodes, kube-proxy knows the Pods (docs/adr/0015). Its
    host name is known as soon as it is made, and foundation gives it the edge's own name.
    """

    def __init__(self, name: str, args: SiteEdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:SiteEdge", name, None, opts)
        lowest, highest = min(NODE_PORTS.values()), max(NODE_PORTS.values())
        group = aws.ec2.SecurityGroup(
            f"{name}-security-group",
            description="The DR site's edge: HTTPS from customers, the services' node ports",
            vpc_id=args.vpc_id,
            ingress=[{"protocol": "tcp", "from_port": _HTTPS, "to_port": _HTTPS, "cidr_blocks": [_EVERYWHERE]}],
            egress=[
                {
                    "protocol": "tcp",
                    "from_port": lowest,
                    "to_port": highest,
                    "security_groups": [args.nodes_security_group],
                }
            ],
            tags={"Name": name},
            opts=as_child(self),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-to-nodes",
            description="The services' node ports, from the DR site's edge",
            security_group_id=args.nodes_security_group,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=lowest,
            to_port=highest,
            opts=as_child(self),
        )
        balancer = aws.lb.LoadBalancer(
            f"{name}-load-balancer",
            name=args.load_balancer,
            load_balancer_type="application",
            internal=False,
            security_groups=[group.id],
            subnets=args.subnet_ids,
            drop_invalid_header_fields=True,
            enable_deletion_protection=True,  # against whoever goes past Pulumi
            # Another one would have another host name, which no record leads to.
            opts=as_child(self, protect=True),
        )
        listener = aws.lb.Listener(
            f"{name}-https",
            load_balancer_arn=balancer.arn,
            port=_HTTPS,
            protocol="HTTPS",
            ssl_policy=_TLS,
            certificate_arn=args.certificate_arn,
            default_actions=[
                {
                    "type": "fixed-response",
                    "fixed_response": {
                        "content_type": "text/plain",
                        "message_body": "no such path",
                        "status_code": "404",
                    },
                }
            ],
            opts=as_child(self),
        )
        for service in args.services:
            self._service(f"{name}-{service}", service, args, listener)
        self.host = balancer.dns_name
        self.register_outputs({"host": self.host})

    def _service(self, name: str, service: str, args: SiteEdgeArgs, listener: aws.lb.Listener) -> None:
        group = aws.lb.TargetGroup(
            name,
            target_type="instance",
            vpc_id=args.vpc_id,
            protocol="HTTP",
            port=NODE_PORTS[service],
            # Of the process alone: while the site stands by its services are up and their database is closed.
            health_check={
                "path": READINESS_PATH,
                "matcher": "200",
                "interval": 5,
                "timeout": 2,
                "healthy_threshold": 2,
                "unhealthy_threshold": 2,
            },
            deregistration_delay=_DRAIN_SECONDS,
            opts=as_child(self),
        )
        aws.lb.ListenerRule(
            f"{name}-rule",
            listener_arn=listener.arn,
            # The service's own: by position, one that goes would be in the way of the one that comes.
            priority=NODE_PORTS[service] - _PRIORITY_ZERO,
            conditions=[{"path_pattern": {"values": [edge_path(service), f"{edge_path(service)}/*"]}}],
            actions=[{"type": "forward", "target_group_arn": group.arn}],
            opts=as_child(self),
        )
        aws.autoscaling.Attachment(
            f"{name}-nodes",
            autoscaling_group_name=args.nodes,
            lb_target_group_arn=group.arn,
            opts=as_child(self),
        )
