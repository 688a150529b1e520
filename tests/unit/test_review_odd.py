"""Previews of our own stacks with parts that no provider would send: odd, missing, nested too deeply. No traceback."""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.judge import review
from policy.preview import parse
from policy.values import UNKNOWN, contains, decode, read_json
from policy.verdict import Finding, Verdict
from tests.unit.review_preview import SECRET, preview, step
from tests.unit.review_preview import UNKNOWN as NOT_YET
from tests.unit.stacks import declare

NETWORK = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
JOB = "kubernetes:batch/v1:CronJob"
GONE = object()
Place = tuple[str | int, ...]


def nested(levels: int) -> Any:
    found: Any = "deep"
    for _ in range(levels):
        found = {"a": found}
    return found


def look(kind: str, old: Any, new: Any) -> list[Finding]:
    return review([parse(preview(step("update", kind, "it", old, new)), source="preview.json")])


@pytest.mark.parametrize("expression", [{"operator": "In"}, {"operator": "In", "values": ["a"]}, {"key": {}}, 1, []])
def test_a_selector_without_a_key_is_compared_as_a_whole(expression: Any) -> None:
    def spec(**more: Any) -> dict[str, Any]:
        peer = {"podSelector": {"matchExpressions": [expression]}}
        return {"spec": {"policyTypes": ["Ingress"], "ingress": [{"from": [peer]}], **more}}

    assert look(NETWORK, spec(podSelector={}), spec(podSelector={"matchExpressions": [expression]}))
    assert {each.verdict for each in look(NETWORK, spec(ingress=[]), spec())} == {Verdict.WEAKER}


@pytest.mark.parametrize("name", [{"a": 1}, ["a"], 1])
def test_a_map_whose_name_is_none_cannot_be_judged(name: Any) -> None:
    def job(called: Any) -> dict[str, Any]:
        pod = {"volumes": [{"name": "plan", "configMap": {"name": called}}]}
        return {"spec": {"jobTemplate": {"spec": {"activeDeadlineSeconds": 1, "template": {"spec": pod}}}}}

    assert {each.verdict for each in look(JOB, job("a"), job(name))} == {Verdict.UNJUDGED}


@pytest.mark.parametrize("levels", [101, 330, 490, 900])
@pytest.mark.parametrize("kind", ["aws:iam/role:Role", NETWORK])
def test_what_is_nested_too_deeply_cannot_be_judged_even_when_it_looks_the_same(kind: str, levels: int) -> None:
    key = "spec" if kind == NETWORK else "somethingNew"
    for old in ({}, {key: nested(levels)}):
        assert {each.verdict for each in look(kind, old, {key: nested(levels)})} == {Verdict.UNJUDGED}


def test_the_depth_of_a_value_is_capped() -> None:
    assert contains(decode(nested(101)), UNKNOWN)
    assert not contains(decode(nested(99)), UNKNOWN)
    assert read_json('{"a": [1]}') == {"a": [1]}
    for text in ("[" * 200 + "]" * 200, "[" * 100_000, "{", None):
        with pytest.raises(ValueError, match=r"not JSON|nested|Expecting"):
            read_json(text)


@cache
def declared() -> list[tuple[str, dict[str, Any]]]:
    """One resource of each type and shape, as our stacks declare it."""
    found = [each for stack in ("foundation", "prod", "dr") for each in declare(stack)]
    known = {(each.type, *sorted(each.inputs)): (each.type, each.inputs) for each in found if ":" in each.type}
    return [(kind, inputs) for kind, inputs in known.values() if kind.startswith(("aws:", "kubernetes:"))]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    if at:
        yield at
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(below, (*at, key))


def altered(value: Any, place: Place, to: Any) -> Any:
    if not place:
        return to
    result = copy.copy(value)
    if to is GONE and len(place) == 1:
        del result[place[0]]
    else:
        result[place[0]] = altered(value[place[0]], place[1:], to)
    return result


PLAIN = [GONE, None, True, 0, -1, 1.5, "", "x", "*", "#", "[", "{}", "[1]", SECRET, NOT_YET]
LISTS = [[], [[]], [{}], [SECRET], [1, "a", {}], "[" * 900 + "]" * 900]
MAPPINGS = [{}, {"a": {}}, {"a": NOT_YET}, {"key": []}, nested(120), nested(400)]
ODD = st.sampled_from([*PLAIN, *LISTS, *MAPPINGS])


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A resource of ours, and the same with a few parts replaced."""
    kind, inputs = draw(st.sampled_from(declared()))
    found = [inputs, inputs]
    for which in draw(st.lists(st.integers(0, 1), min_size=1, max_size=3)):
        at = draw(st.sampled_from(list(places(found[which])) or [()]))
        if at:
            found[which] = altered(found[which], at, draw(ODD))
    return kind, found[0], found[1]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged())
def test_no_damaged_resource_makes_a_traceback(case: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    for found in look(*case):
        assert found.reason
        assert found.verdict in Verdict
