"""Which values keep the rest of the world out: address ranges, names with wildcards, conditions."""

import re
from collections.abc import Collection
from ipaddress import ip_network

# Requests that these keep apart from the rest of the world; anything else in a condition may be true for anybody.
_BOUND = ("sourceip", "principal", "sourceaccount", "sourcearn", "sourcevpc", "sourcevpce", "userid", "calledvia")
# What S3 takes for public: it refuses wider ranges where public policies are blocked.
_WIDEST = {4: 8, 6: 32}
_WILD = re.compile(r"[*?]")


def binds(operator: str, key: str, values: Collection[str]) -> bool:
    """Whether it keeps the rest of the world out: what only excludes somebody, may be absent or fits all does not."""
    narrow = "not" not in operator and not operator.endswith("ifexists") and not operator.startswith("forallvalues")
    loose = any(is_wide(value) or is_anybody(value) for value in values)
    return narrow and bool(values) and not loose and any(part in key for part in _BOUND)


def is_wide(value: object) -> bool:
    """Whether a range is as wide as the world, or so wide that two or a few of them are."""
    try:
        found = ip_network(value.strip(), strict=False) if isinstance(value, str) else None
    except ValueError:
        return False
    return found is not None and found.prefixlen < _WIDEST[found.version]


def is_anybody(value: str) -> bool:
    """Whether a pattern leaves open whose it is: the account of an ARN, the name of a bucket, the head of an id."""
    if value.startswith("arn:") or is_anything(value):
        return leaves_owner_open(value)
    return has_wildcard(re.split("[:/]", value)[0])


def leaves_owner_open(arn: str) -> bool:
    """Whether the account of an ARN, or its bucket, is not named."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return has_wildcard(arn)
    _, _, service, _, account, resource = parts
    if has_wildcard(service) or has_wildcard(account):
        return True
    return service == "s3" and not account and has_wildcard(resource.partition("/")[0])


def has_wildcard(text: str) -> bool:
    """Whether it stands for more than itself."""
    return _WILD.search(text) is not None


def is_anything(pattern: str) -> bool:
    """Whether it fits every text."""
    return "*" in pattern and not pattern.strip("*?")
