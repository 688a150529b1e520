"""Ways in: what network policies and the roles of a cluster let through, and whether one way lies within another."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from policy.comparisons.addresses import covered, networks
from policy.comparisons.patterns import within
from policy.differences import NO_RULE, unjudged
from policy.rule import Change, kind
from policy.values import MISSING, Value, at, items, mapping, words
from policy.verdict import Judgement, Verdict

Way = tuple[str, str]
"""A way in: (who or what, port or verb)."""
_ANY = "anything"
_SELECTORS = ("podSelector", "namespaceSelector")


def _opens(value: Value) -> Verdict | None:
    """Network policies add up: a new one may let through what the others do not."""
    ways = [mapping(rule) for key in ("ingress", "egress") for rule in items(at(value, key))]
    if not ways:
        return None
    return Verdict.UNJUDGED if all(ways) else Verdict.WEAKER


@kind(born=_opens)
def network_policy(change: Change, reason: str) -> Sequence[Judgement]:
    """The `spec` of a network policy as a whole: which Pods it closes, and the ways it leaves open."""
    old, new = mapping(change.old), mapping(change.new)
    found: list[Judgement] = []
    if old.get("podSelector") != new.get("podSelector"):
        found.append(_closed(old, new, reason))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        if (before := _ways(old, direction, peers)) != (after := _ways(new, direction, peers)):
            judged = _compare(old.get(direction, MISSING), before, after, _way_within, reason)
            found += [each.below((direction,)) for each in judged]
    unknown = (set(old) | set(new)) - {"podSelector", "policyTypes", "ingress", "egress"}
    found += [unjudged((key,), at(old, key), at(new, key), NO_RULE) for key in sorted(unknown)]
    return found or change.said(Verdict.NEUTRAL, "lets through the same")


def _closed(old: Mapping[str, Value], new: Mapping[str, Value], reason: str) -> Judgement:
    """Policies add up: Pods that another policy closes already get only the ways that this one leaves open."""
    before, after = old.get("podSelector", {}), new.get("podSelector", {})
    opens = any(items(new.get(direction, MISSING)) for direction in ("ingress", "egress"))
    if not _labels_within(_labels(before), _labels(after)):
        verdict, why = Verdict.WEAKER, f"it closes other or fewer Pods: {reason}"
    elif opens and not _labels_within(_labels(after), _labels(before)):
        verdict, why = Verdict.UNJUDGED, "it closes more Pods, and leaves its ways open to those as well"
    else:
        verdict, why = Verdict.STRONGER, "closes at least the Pods it closed before"
    return Judgement(verdict, why, old=words(before), new=words(after), path=("podSelector",))


def _ways(spec: Mapping[str, Value], direction: str, peers: str) -> set[Way]:
    """Every (peer, port) that is let through. A direction that is not named is open, an empty list closes it."""
    types = items(spec.get("policyTypes", MISSING)) or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    if direction not in [str(each).lower() for each in types]:
        return {(_ANY, _ANY)}
    found: set[Way] = set()
    for rule in map(mapping, items(spec.get(direction, MISSING))):
        named = items(rule.get(peers, MISSING))
        who = [one for peer in named for one in _split(peer)] if named else [_ANY]
        ports = [_port(port) for port in items(rule.get("ports", MISSING))] or [_ANY]
        found |= set(product(who, ports))
    return found


def _port(raw: Value) -> str:
    """As text; without a protocol it is TCP's."""
    port = {"protocol": "TCP", **raw} if isinstance(raw, Mapping) else raw
    return json.dumps(port, sort_keys=True, default=str)


def _split(raw: Value) -> list[str]:
    """A peer as text; `component in (gate, backup)` is two. One whose labels contradict each other is no Pod at all."""
    peer = {key: _labels(each) if key in _SELECTORS else each for key, each in mapping(raw).items()}
    labels = peer.get("podSelector", {})
    if "opaque" in labels:
        chosen = [peer]
    else:
        choices = product(*([(key, [value]) for value in values] for key, values in labels.items()))
        chosen = [{**peer, "podSelector": dict(choice)} if labels else peer for choice in choices]
    return [json.dumps(each, sort_keys=True, default=str) for each in chosen]


def _labels(value: Value) -> dict[str, list[str]]:
    """A label selector as key → values that fit all it says of the key; what else it says is text under `opaque`."""
    raw = mapping(value)
    labels = {str(key): [str(each)] for key, each in mapping(raw.get("matchLabels", {})).items()}
    other: list[Value] = []
    for expression in items(raw.get("matchExpressions", MISSING)):
        if mapping(expression).get("operator") == "In" and "key" in expression:
            key, values = str(expression["key"]), {str(each) for each in items(expression.get("values", []))}
            labels[key] = sorted(values & set(labels.get(key, values)))
        else:
            other.append(expression)
    if other:
        labels["opaque"] = [json.dumps(other, sort_keys=True, default=str)]
    return labels


def _way_within(way: Way, other: Way) -> bool:
    return (other[1] in (way[1], _ANY)) and (other[0] == _ANY or (way[0] != _ANY and _parts_within(way[0], other[0])))


def _parts_within(one: str, other: str) -> bool:
    narrow, wide = json.loads(one), json.loads(other)
    if "ipBlock" in narrow and "ipBlock" in wide:
        inner, outer = (networks(at(each, "ipBlock", "cidr")) or [] for each in (narrow, wide))
        fits = bool(inner) and covered(inner[0], outer)
        return fits and at(narrow, "ipBlock", "except") == at(wide, "ipBlock", "except")
    if set(narrow) != set(wide) or set(narrow) - set(_SELECTORS):
        return False
    return all(_labels_within(narrow[key], wide[key]) for key in wide)


def _labels_within(narrow: Mapping[str, list[str]], wide: Mapping[str, list[str]]) -> bool:
    """Whether every Pod that fits `narrow` fits `wide`."""
    return all(key in narrow and set(narrow[key]) <= set(values) for key, values in wide.items())


@kind()
def cluster_permissions(change: Change, reason: str) -> Sequence[Judgement]:
    """The rules of a Kubernetes Role."""
    old, new = _permissions(change.old), _permissions(change.new)
    return _compare(change.old, old, new, _permission_within, reason)


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


def _compare(
    shown: Value, old: set[Way], new: set[Way], no_wider: Callable[[Way, Way], bool], reason: str
) -> Sequence[Judgement]:
    """Every new way that no old one covers; `no_wider` says whether the first way lies within the second."""
    come = sorted(way for way in new if not any(no_wider(way, other) for other in old))
    gone = sorted(way for way in old if not any(no_wider(way, other) for other in new))
    if come:
        return [Judgement(Verdict.WEAKER, reason, new=words(" on ".join(way))) for way in come]
    if gone:
        left = words(", ".join(" on ".join(way) for way in gone))
        return [Judgement(Verdict.STRONGER, "lets in fewer than before", old=left)]
    return [Judgement(Verdict.NEUTRAL, "lets in the same", old=words(shown))]
