"""What the rules of a Kubernetes Role allow."""

from collections.abc import Sequence
from itertools import product

from policy.comparisons.basic import Way, compare_ways
from policy.comparisons.conditions import within
from policy.rule import Change, kind
from policy.values import MISSING, Value, items, mapping
from policy.verdict import Judgement


@kind()
def cluster_permissions(change: Change, reason: str) -> Sequence[Judgement]:
    """The rules of a Kubernetes Role."""
    old, new = _permissions(change.old), _permissions(change.new)
    return compare_ways(change.old, old, new, _permission_within, reason)


def _permissions(value: Value) -> set[Way]:
    """Every (group/resource/name, verb)."""
    found: set[Way] = set()
    for rule in map(mapping, items(value)):
        groups, verbs = items(rule.get("apiGroups", [""])), items(rule.get("verbs", MISSING))
        resources = items(rule.get("resources", rule.get("nonResourceURLs", MISSING)))
        only = ",".join(sorted(map(str, items(rule.get("resourceNames", MISSING))))) or "*"
        found |= {(f"{group}/{each}/{only}", str(verb)) for group, each, verb in product(groups, resources, verbs)}
    return found


def _permission_within(way: Way, other: Way) -> bool:
    return all(map(within, _parts(way), _parts(other)))


def _parts(way: Way) -> tuple[str, ...]:
    """Group, resource, names, verb. `pods/exec` is another resource than `pods`: no * of a part reaches the next."""
    group, _, rest = way[0].partition("/")
    resource, _, only = rest.rpartition("/")
    return group, resource, only, way[1]
