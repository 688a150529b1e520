"""Ranges of addresses: who is let in, before and after."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from policy.comparisons import said
from policy.rule import Change, Kind
from policy.values import MISSING, Value, items, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged

Network = IPv4Network | IPv6Network
# More of the internet than an IPv4 /16 is nobody's office.
_MOST = 2.0**-16


def ranges(*, default: Value = MISSING, new: bool = True) -> Kind:
    """Address ranges that are let in: every address more is weaker, fewer is stronger.

    `default` is what the provider takes for an empty or missing list; `new`: something new is judged at all.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = (networks(items(value) or items(default)) for value in (change.old, change.new))
        if old is None or new is None:
            return [unjudged((), change.old, change.new, f"{reason}; not a list of ranges")]
        wider = [str(each) for each in new if not covered(each, old)]
        if wider:
            return [Judgement(verdict=Verdict.WEAKER, reason=reason, old=words(change.old), new=", ".join(wider))]
        narrower = any(not covered(each, new) for each in old)
        return said(change, Verdict.STRONGER if narrower else Verdict.NEUTRAL, "no address more is let in")

    return Kind("ranges", compare, born=(lambda value: wide(items(value) or items(default))) if new else None)


def wide(value: Value) -> Verdict | None:
    """Ranges that hold much of the internet, together: halves of it are as wide as all of it."""
    found = networks(value)
    if found is None:
        return Verdict.UNJUDGED
    share = sum(each.num_addresses / 2**each.max_prefixlen for each in found if not each.is_private)
    return Verdict.WEAKER if share > _MOST else None


def networks(value: Value) -> list[Network] | None:
    """The ranges in `value`; None when one is none."""
    found = items(value)
    if not all(isinstance(each, str) for each in found):
        return None  # a number is an address for Python, and for nobody else
    try:
        return [ip_network(each, strict=False) for each in found]
    except ValueError:
        return None


def covered(network: Network, by: Sequence[Network]) -> bool:
    """Whether `network` lies inside one of `by`."""
    return any(network.version == each.version and network.subnet_of(each) for each in by)  # pyright: ignore[reportArgumentType] - of one version
