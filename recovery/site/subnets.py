"""How a VPC's range is cut into subnets: pure arithmetic, so that two previews never disagree."""

import ipaddress
from dataclasses import dataclass

# Three quarters of the range are for Pods (one quarter a zone), the last is for load balancers and NAT gateways (one
# sixteenth of it a zone); the rest of that quarter stays free.
MOST_ZONES = 3
_QUARTER, _SIXTEENTH = 2, 4
# A /20 leaves 1,022 addresses for a zone's Pods; AWS takes no VPC wider than /16.
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
WIDEST, NARROWEST = 16, 20


@dataclass(frozen=True, kw_only=True)
class ZoneRanges:
    """One zone's two subnets."""

    zone: str
    private: str
    public: str


def zone_ranges(cidr: str, zones: list[str]) -> list[ZoneRanges]:
    """The subnets of a VPC with `cidr` (/16 to /20), in the order of `zones` (two or three).

    Raises ValueError for a range or a number of zones that does not fit.
    """
    network = ipaddress.IPv4Network(cidr)
    if not WIDEST <= network.prefixlen <= NARROWEST:
        raise ValueError(f"a range from /{WIDEST} to /{NARROWEST} is needed, not /{network.prefixlen}")
    if not 2 <= len(zones) <= MOST_ZONES:
        raise ValueError(f"two or {MOST_ZONES} zones are needed, not {len(zones)}")
    *quarters, last = network.subnets(prefixlen_diff=_QUARTER)
    return [
        ZoneRanges(zone=zone, private=str(private), public=str(public))
        for zone, private, public in zip(zones, quarters, last.subnets(prefixlen_diff=_SIXTEENTH), strict=False)
    ]
