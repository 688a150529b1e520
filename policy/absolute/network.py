"""Absolute rules for the network: nothing in plain text, nothing open to the whole internet."""

from collections.abc import Iterator

from policy.absolute.resource import Broken, Resource
from policy.comparisons.addresses import is_https, is_public
from policy.values import UNKNOWN, Value, at, items

_RANGES = ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")


def plaintext(resource: Resource) -> Iterator[Broken]:
    """Nothing listens in plain text, or sends anybody there."""
    kind = resource.type.rpartition(":")[2]
    if kind == "Listener" and at(resource.inputs, "protocol") == "HTTP":
        actions = items(at(resource.inputs, "defaultActions"))
        # Without a protocol a redirect keeps the one it came by.
        if not actions or not all(at(each, "redirect", "protocol") in ("HTTPS", UNKNOWN) for each in actions):
            yield "protocol", "a listener in plain text"
    if kind == "ListenerRule":
        for number, action in enumerate(items(at(resource.inputs, "actions"))):
            if at(action, "redirect", "protocol") == "HTTP":
                yield f"actions[{number}].redirect.protocol", "a redirect to plain text"


def open_network(resource: Resource) -> Iterator[Broken]:
    """Nobody lets in the whole internet, also not in two halves, but to HTTPS: customers come from everywhere."""
    kind = resource.type.rpartition(":")[2]
    rules: list[tuple[str, Value]] = []
    if resource.type == "aws:eks/cluster:Cluster":
        yield from _cluster(resource)
    if kind in ("SecurityGroup", "DefaultSecurityGroup"):
        rules = [("ingress.", rule) for rule in items(at(resource.inputs, "ingress"))]
    elif kind == "SecurityGroupIngressRule" or at(resource.inputs, "type") == "ingress":
        rules = [("", resource.inputs)]
    for place, rule in rules:
        for key in () if is_https(rule) else _RANGES:
            if any(map(is_public, items(at(rule, key)))):
                yield f"{place}{key}", "the whole internet is let in"


def _cluster(resource: Resource) -> Iterator[Broken]:
    """EKS's own default is a public API for everybody."""
    config = at(resource.inputs, "vpcConfig")
    if config is UNKNOWN or at(config, "endpointPublicAccess") in (False, UNKNOWN):
        return
    ranges = items(at(config, "publicAccessCidrs"))
    if not ranges or any(map(is_public, ranges)):
        yield "vpcConfig.publicAccessCidrs", "the whole internet reaches the cluster's API"
