"""Ranges of addresses: who is let in, before and after."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from policy.rule import Change, Kind
from policy.values import MISSING, Value, at, items, words
from policy.verdict import Judgement, Verdict

Network = IPv4Network | IPv6Network
# More of the internet than an IPv4 /16 is nobody's office.
_MOST = 2.0**-16
# What S3 takes for public: it refuses wider ranges where public policies are blocked.
_WIDEST = {4: 8, 6: 32}
_HTTPS = 443


def ranges(*, default: Value = MISSING) -> Kind:
    """Address ranges that are let in: every address more is weaker, fewer is stronger.

    `default` is what the provider takes for an empty or missing list.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = (networks(items(value) or items(default)) for value in (change.old, change.new))
        if old is None or new is None:
            return change.said(Verdict.UNJUDGED, f"{reason}; not a list of ranges")
        wider = [str(each) for each in new if not covered(each, old)]
        if wider:
            return [Judgement(Verdict.WEAKER, reason, old=words(change.old), new=", ".join(wider))]
        narrower = any(not covered(each, new) for each in old)
        return change.said(Verdict.STRONGER if narrower else Verdict.NEUTRAL, "no address more is let in")

    return Kind("ranges", compare, born=lambda value: judge_width(items(value) or items(default)))


def judge_width(value: Value) -> Verdict | None:
    """What a new list of ranges is: weaker when together they hold much of the internet, as two halves of it do."""
    found = networks(value)
    if found is None:
        return Verdict.UNJUDGED
    share = sum(each.num_addresses / 2**each.max_prefixlen for each in found if not each.is_private)
    return Verdict.WEAKER if share > _MOST else None


def is_public(value: object) -> bool:
    """Whether one range is as good as everybody: a few of its size hold the whole internet."""
    found = networks(value.strip()) if isinstance(value, str) else None
    return any(each.prefixlen < _WIDEST[each.version] for each in found or ())


def is_https(rule: Value) -> bool:
    """Whether a security group's rule is for HTTPS and nothing else."""
    protocol = at(rule, "protocol") if at(rule, "ipProtocol") is MISSING else at(rule, "ipProtocol")
    return (protocol, at(rule, "fromPort"), at(rule, "toPort")) == ("tcp", _HTTPS, _HTTPS)


def networks(value: Value) -> list[Network] | None:
    """The ranges in `value`; None when one is none."""
    found = items(value)
    if not all(isinstance(each, str) for each in found):
        return None  # Python takes a number for an address
    try:
        return [ip_network(each, strict=False) for each in found]
    except ValueError:
        return None


def covered(network: Network, by: Sequence[Network]) -> bool:
    """Whether `network` lies inside one of `by`."""
    return any(network.version == each.version and network.subnet_of(each) for each in by)  # pyright: ignore[reportArgumentType] - of one version
