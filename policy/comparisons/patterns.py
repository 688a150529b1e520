"""Patterns of names with * and ?: when one covers another, and when one does not say whose resource it means."""

import re
from fnmatch import fnmatchcase


def within(pattern: str, wider: str) -> bool:
    """Whether everything `pattern` matches is matched by `wider`; both may hold * and ?."""
    # A * of the narrower one stands for any text, also for none: a ? of the wider one, one character, must not fit it.
    return fnmatchcase(pattern.replace("*", "\0"), wider.replace("[", "[[]").replace("?", "[!\0]"))


def is_anybody(value: str) -> bool:
    """Whether a pattern does not say whose resource it means: no account, no bucket, or no start of an id."""
    return leaves_owner_open(value) if value.startswith("arn:") else has_wildcard(re.split("[:/]", value)[0])


def leaves_owner_open(arn: str) -> bool:
    """Whether an ARN does not name its account, or its bucket."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return has_wildcard(arn)
    _, _, service, _, account, resource = parts
    any_bucket = service == "s3" and not account and has_wildcard(resource.partition("/")[0])
    return has_wildcard(service) or has_wildcard(account) or any_bucket


def has_wildcard(text: str) -> bool:
    """Whether the text contains `*` or `?`."""
    return "*" in text or "?" in text
