"""Which values keep the rest of the world out: address ranges, names with wildcards, conditions."""

import re
from collections.abc import Collection

from policy.comparisons.addresses import networks

# Requests that these keep apart from the rest of the world; anything else in a condition may be true for anybody.
_BOUND = re.compile("aws:(userid|principal(arn|account|orgid|orgpaths)|source(ip|account|arn|orgid|orgpaths|vpc|vpce))")
# What S3 takes for public: it refuses wider ranges where public policies are blocked.
_WIDEST = {4: 8, 6: 32}
_WILD = re.compile(r"[*?]")


def binds(operator: str, key: str, values: Collection[str]) -> bool:
    """Whether a condition keeps strangers out. One that only excludes somebody, may be absent or fits all does not."""
    narrow = "not" not in operator and not operator.endswith("ifexists") and not operator.startswith("forallvalues")
    loose = any(is_wide(value) or is_anybody(value) for value in values)
    return narrow and bool(values) and not loose and _BOUND.fullmatch(key) is not None


def is_wide(value: object) -> bool:
    """Whether a range is so wide that a few of its size hold the whole internet."""
    found = networks(value.strip()) if isinstance(value, str) else None
    return any(each.prefixlen < _WIDEST[each.version] for each in found or ())


def is_anybody(value: str) -> bool:
    """Whether a pattern does not say whose resource it means: no account, no bucket, or no start of an id."""
    if value.startswith("arn:") or is_anything(value):
        return leaves_owner_open(value)
    return has_wildcard(re.split("[:/]", value)[0])


def leaves_owner_open(arn: str) -> bool:
    """Whether an ARN does not name its account, or its bucket."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return has_wildcard(arn)
    _, _, service, _, account, resource = parts
    if has_wildcard(service) or has_wildcard(account):
        return True
    return service == "s3" and not account and has_wildcard(resource.partition("/")[0])


def has_wildcard(text: str) -> bool:
    """Whether the text contains `*` or `?`."""
    return _WILD.search(text) is not None


def is_anything(pattern: str) -> bool:
    """Whether the pattern fits every text."""
    return "*" in pattern and not pattern.strip("*?")
