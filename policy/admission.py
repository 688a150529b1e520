"""Who is let in: network policies, Kubernetes' own roles, PostgreSQL's pg_hba.conf."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from policy.address_ranges import covered, networks
from policy.comparisons import said
from policy.conditions import within
from policy.rule import Change, Kind
from policy.values import MISSING, Value, items, mapping, words
from policy.verdict import Judgement, Verdict
from policy.walk import NO_RULE, unjudged

_ANY = "anything"
_COMMENT = re.compile(r'("[^"]*")|#.*')
_MASK = re.compile(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
Way = tuple[str, str]
"""(who, port), both canonical JSON or `anything`."""


def network_policy() -> Kind:
    """The `spec` of a network policy as a whole: which Pods it closes, and the ways it leaves open."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = mapping(change.old), mapping(change.new)
        found: list[Judgement] = []
        if old.get("podSelector") != new.get("podSelector"):
            found.append(_closed(old, new, reason))
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            if (before := _ways(old, direction, peers)) != (after := _ways(new, direction, peers)):
                judged = _compare_ways(old.get(direction, MISSING), before, after, _way_within, reason)
                found += [each.below((direction,)) for each in judged]
        unknown = (set(old) | set(new)) - {"podSelector", "policyTypes", "ingress", "egress"}
        found += [unjudged((key,), old.get(key, MISSING), new.get(key, MISSING), NO_RULE) for key in sorted(unknown)]
        return found or said(change, Verdict.NEUTRAL, "lets through the same")

    return Kind("network policy", compare)


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
    return Judgement(verdict=verdict, reason=why, old=words(before), new=words(after), path=("podSelector",))


def cluster_permissions() -> Kind:
    """The rules of a Kubernetes Role."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _permissions(change.old), _permissions(change.new)
        return _compare_ways(change.old, old, new, _permission_within, reason)

    return Kind("cluster permissions", compare)


def host_based_access() -> Kind:
    """pg_hba.conf: a line that admits and was not there is weaker, so is a `reject` that goes; order decides."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        if not isinstance(change.old, str) or not isinstance(change.new, str):
            return [unjudged((), change.old, change.new, reason)]
        old, new = _lines(change.old), _lines(change.new)
        come, gone = [line for line in new if line not in old], [line for line in old if line not in new]
        weaker = [line for line in come if not _rejects(line)]
        lost = [line for line in gone if _rejects(line)]
        if any(line.startswith(("include", "@")) for line in gone):
            return [unjudged((), change.old, change.new, f"{reason}; what another file says is not seen")]
        found = [Judgement(verdict=Verdict.WEAKER, reason=reason, old="-", new=words(line)) for line in weaker]
        found += [Judgement(verdict=Verdict.WEAKER, reason=reason, old=words(line), new="-") for line in lost]
        if found:
            return found
        kept = [line for line in old if line in new]
        if kept != [line for line in new if line in old]:
            return [unjudged((), "one order", "another", f"{reason}; the first line that fits decides")]
        if come or gone:
            return said(change, Verdict.STRONGER, "admits fewer")
        return said(change, Verdict.NEUTRAL, "admits the same")

    return Kind("host based access", compare)


def _compare_ways(
    shown: Value, old: set[Way], new: set[Way], no_wider: Callable[[Way, Way], bool], reason: str
) -> Sequence[Judgement]:
    come = sorted(way for way in new if not any(no_wider(way, other) for other in old))
    gone = sorted(way for way in old if not any(no_wider(way, other) for other in new))
    if come:
        return [Judgement(verdict=Verdict.WEAKER, reason=reason, new=words(" on ".join(way))) for way in come]
    if gone:
        left = words(", ".join(" on ".join(way) for way in gone))
        return [Judgement(verdict=Verdict.STRONGER, reason="lets in fewer than before", old=left)]
    return [Judgement(verdict=Verdict.NEUTRAL, reason="lets in the same", old=words(shown))]


def _ways(spec: Mapping[str, Value], direction: str, peers: str) -> set[Way]:
    """Every (peer, port) that is let through. A direction that is not named is open, an empty list closes it."""
    types = items(spec.get("policyTypes", MISSING)) or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    if direction not in [str(each).lower() for each in types]:
        return {(_ANY, _ANY)}
    found: set[Way] = set()
    for raw in items(spec.get(direction, MISSING)):
        rule = mapping(raw)
        named = items(rule.get(peers, MISSING))
        # A peer whose labels contradict each other is nobody, which is not everybody.
        who = [one for peer in named for one in _split(_peer(peer))] if named else [_ANY]
        ports = [json.dumps(port, sort_keys=True, default=str) for port in items(rule.get("ports", MISSING))] or [_ANY]
        found |= set(product(who, ports))
    return found


def _peer(raw: Value) -> str:
    peer = dict(mapping(raw))
    for key in ("podSelector", "namespaceSelector"):
        if key in peer:
            peer[key] = _labels(peer[key])
    return json.dumps(peer, sort_keys=True, default=str)


def _split(peer: str) -> list[str]:
    """`component in (gate, backup)` is two peers."""
    found = json.loads(peer)
    labels = found.get("podSelector")
    if not isinstance(labels, dict) or "opaque" in labels:
        return [peer]
    return [
        json.dumps(
            {**found, "podSelector": dict(zip(labels, ([value] for value in chosen), strict=True))}, sort_keys=True
        )
        for chosen in product(*labels.values())
    ]


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
        inner, outer = (networks(mapping(each["ipBlock"]).get("cidr", MISSING)) for each in (narrow, wide))
        fits = bool(inner and outer) and covered((inner or [])[0], outer or [])
        return fits and mapping(narrow["ipBlock"]).get("except") == mapping(wide["ipBlock"]).get("except")
    if set(narrow) != set(wide) or set(narrow) - {"podSelector", "namespaceSelector"}:
        return False
    return all(_labels_within(narrow[key], wide[key]) for key in wide)


def _labels_within(narrow: Mapping[str, list[str]], wide: Mapping[str, list[str]]) -> bool:
    """Whether every Pod that fits `narrow` fits `wide`."""
    return all(key in narrow and set(narrow[key]) <= set(values) for key, values in wide.items())


def _permissions(value: Value) -> set[Way]:
    found: set[Way] = set()
    for raw in items(value):
        rule = mapping(raw)
        kinds = product(
            items(rule.get("apiGroups", [""])), items(rule.get("resources", rule.get("nonResourceURLs", [])))
        )
        only = ",".join(sorted(str(each) for each in items(rule.get("resourceNames", MISSING)))) or "*"
        found |= {
            (f"{group}/{resource}/{only}", str(verb))
            for (group, resource), verb in product(kinds, items(rule.get("verbs", [])))
        }
    return found


def _permission_within(way: Way, other: Way) -> bool:
    return within(way[0], other[0]) and within(way[1], other[1])


def _lines(text: str) -> list[str]:
    """The lines that count, without comments and in one spelling."""
    bare = (_COMMENT.sub(r"\1", line) for line in text.replace("\\\n", "").splitlines())
    return [" ".join(line.split()) for line in bare if line.strip()]


def _rejects(line: str) -> bool:
    """Whether the method says so. With a mask of its own, an address is two fields."""
    fields = line.split()
    place = 3 if fields[0] == "local" else 5 if len(fields) > 5 and _MASK.fullmatch(fields[4]) else 4
    return len(fields) > place and fields[place].strip('"') == "reject"
