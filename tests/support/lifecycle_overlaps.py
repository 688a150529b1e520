"""Rules of a lifecycle configuration that take something away from one another.

Where filters overlap S3 picks what costs least: the earlier end, the colder class.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html (2026-11)
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any


def undercut(rules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The ID of each rule that another makes ineffective, and how. Tags and sizes are taken to overlap."""
    enabled = [rule for rule in rules if rule.get("Status") == "Enabled"]
    soonest: dict[str, list[tuple[int, str, str]]] = {}
    for rule in enabled:
        for action, days in _terms(rule).items():
            soonest.setdefault(action, []).append((days, _prefix(rule), str(rule.get("ID"))))
    for each in soonest.values():
        each.sort()
    for victim in enabled:
        for action, days in _terms(victim).items():
            for theirs, prefix, other in takewhile(lambda sooner, mine=days: sooner[0] < mine, soonest[action]):
                if _prefix(victim).startswith(prefix):
                    yield (
                        str(victim.get("ID")),
                        f"{action} after {days} days, but rule {other} covers the same objects after {theirs}",
                    )


def _terms(rule: Mapping[str, Any]) -> dict[str, int]:
    found = {
        "objects end": rule.get("Expiration", {}).get("Days"),
        "noncurrent versions end": rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        "unfinished uploads end": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        **{f"objects move to {move.get('StorageClass')}": move.get("Days") for move in rule.get("Transitions", ())},
    }
    return {action: days for action, days in found.items() if isinstance(days, int)}


def _prefix(rule: Mapping[str, Any]) -> str:
    chosen: Mapping[str, Any] = rule.get("Filter", {})
    return str(chosen.get("Prefix", chosen.get("And", {}).get("Prefix", "")))
