"""Enough of NetworkPolicy's meaning to ask whether a connection passes.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: a Pod that some policy selects for a
direction accepts only what one of those policies names; both ends must agree.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HOME = "ultramarket-dr"
Policy = Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """A Pod by its labels, or an address outside of every namespace."""

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = HOME
    address: str = ""


def passes(policies: Sequence[Policy], start: End, end: End, port: int, protocol: str = "TCP") -> bool:
    """Does a connection from `start` to `end` pass?"""
    out = _direction(policies, "Egress", "to", start, end, port, protocol)
    return out and _direction(policies, "Ingress", "from", end, start, port, protocol)


def _direction(policies: Sequence[Policy], kind: str, side: str, pod: End, peer: End, port: int, protocol: str) -> bool:
    if pod.address or pod.namespace != HOME:
        return True  # not ours to judge
    chosen = [each for each in policies if kind in each["policyTypes"] and selects(each["podSelector"], pod.labels)]
    if not chosen:
        return True
    rules = [rule for each in chosen for rule in each.get(kind.lower(), [])]
    return any(
        (not rule.get(side) or any(_is_peer(one, peer) for one in rule[side]))
        and any(one == {"port": port, "protocol": protocol} for one in rule["ports"])
        for rule in rules
    )


def _is_peer(named: Mapping[str, Any], peer: End) -> bool:
    if "ipBlock" in named:
        # An address block is for what is outside; the agent matches Pods by their own addresses.
        return bool(peer.address) and ipaddress.ip_address(peer.address) in ipaddress.ip_network(
            named["ipBlock"]["cidr"]
        )
    if peer.address:
        return False
    wanted = named.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", HOME)
    return peer.namespace == wanted and selects(named["podSelector"], peer.labels)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Does the label selector choose a Pod with these labels?"""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))
