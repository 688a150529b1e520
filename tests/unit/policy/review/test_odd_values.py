"""Previews of our own stacks with parts that no provider would send: odd, missing, nested too deeply. No traceback."""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.review.attachments import ONTO
from policy.review.preview import parse
from policy.review.review import review
from policy.values import UNKNOWN, contains, decode, read_json
from policy.verdict import Finding, Verdict
from tests.support.review_preview import SECRET, preview, step
from tests.support.review_preview import UNKNOWN as NOT_YET
from tests.support.soak import SOAK, sample
from tests.support.stacks import declare

NETWORK = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
JOB = "kubernetes:batch/v1:CronJob"
GONE = object()
Place = tuple[str | int, ...]


def nested(levels: int) -> Any:
    found: Any = "deep"
    for _ in range(levels):
        found = {"a": found}
    return found


def look(kind: str, *changes: tuple[Any, Any]) -> list[Finding]:
    """The review of one preview in which resources of a type change, each from one set of inputs to another."""
    steps = [step("update", kind, f"it-{number}", *change) for number, change in enumerate(changes)]
    return review([parse(preview(*steps), source="preview.json")])


@pytest.mark.parametrize("expression", [{"operator": "In"}, {"operator": "In", "values": ["a"]}, {"key": {}}, 1, []])
def test_a_selector_without_a_key_is_compared_as_a_whole(expression: Any) -> None:
    def spec(**more: Any) -> dict[str, Any]:
        peer = {"podSelector": {"matchExpressions": [expression]}}
        return {"spec": {"policyTypes": ["Ingress"], "ingress": [{"from": [peer]}], **more}}

    assert look(NETWORK, (spec(podSelector={}), spec(podSelector={"matchExpressions": [expression]})))
    assert {each.verdict for each in look(NETWORK, (spec(ingress=[]), spec()))} == {Verdict.WEAKER}


@pytest.mark.parametrize("name", [{"a": 1}, ["a"], 1])
def test_a_map_whose_name_is_none_cannot_be_judged(name: Any) -> None:
    def job(called: Any) -> dict[str, Any]:
        pod = {"volumes": [{"name": "plan", "configMap": {"name": called}}]}
        return {"spec": {"jobTemplate": {"spec": {"activeDeadlineSeconds": 1, "template": {"spec": pod}}}}}

    assert {each.verdict for each in look(JOB, (job("a"), job(name)))} == {Verdict.UNJUDGED}


@pytest.mark.parametrize("levels", [101, 330, 490, 900])
@pytest.mark.parametrize("kind", ["aws:iam/role:Role", NETWORK])
def test_what_is_nested_too_deeply_cannot_be_judged_even_when_it_looks_the_same(kind: str, levels: int) -> None:
    key = "spec" if kind == NETWORK else "somethingNew"
    for old in ({}, {key: nested(levels)}):
        assert {each.verdict for each in look(kind, (old, {key: nested(levels)}))} == {Verdict.UNJUDGED}


def test_the_depth_of_a_value_is_capped() -> None:
    assert contains(decode(nested(101)), UNKNOWN)
    assert not contains(decode(nested(99)), UNKNOWN)
    assert read_json('{"a": [1]}') == {"a": [1]}
    for text in ("[" * 200 + "]" * 200, "[" * 100_000, "{", None):
        with pytest.raises(ValueError, match=r"not JSON|nested|Expecting"):
            read_json(text)


@cache
def declared() -> dict[tuple[str, ...], tuple[str, dict[str, Any], Place]]:
    """Every place that a resource of our stacks has, elements of lists taken together: (type, inputs, place)."""
    found: dict[tuple[str, ...], tuple[str, dict[str, Any], Place]] = {}
    for each in (each for stack in ("foundation", "prod", "dr") for each in declare(stack)):
        if each.type.startswith(("aws:", "kubernetes:")):
            for place in places(each.inputs):
                key = (each.type, *(part if isinstance(part, str) else "[]" for part in place))
                found.setdefault(key, (each.type, each.inputs, place))
    return found


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


PLAIN = [GONE, True, -1, "", "*", "#", "{}", "[1]", SECRET, NOT_YET]
LISTS = [[], [{}], [SECRET], [1, "a", {}], "[" * 900 + "]" * 900]
MAPPINGS = [{}, {"a": NOT_YET}, {"key": []}, nested(400)]
ODD = (*PLAIN, *LISTS, *MAPPINGS)


@pytest.mark.parametrize("number", range(len(ODD)))
def test_no_odd_value_in_any_place_makes_a_traceback(number: int) -> None:
    changes: dict[str, list[tuple[Any, Any]]] = {}
    for kind, inputs, place in sample(list(declared().values()), one_in=8, turn=number):
        other = altered(inputs, place, ODD[number])
        changes.setdefault(kind, []).extend([(inputs, other), (other, inputs)])
    for kind, both in changes.items():
        for found in look(kind, *both):
            assert found.reason and found.verdict in Verdict, (kind, found.name)


@pytest.mark.parametrize("odd", [["a"], {"a": 1}, SECRET, NOT_YET, 1, True])
def test_no_odd_name_of_what_something_new_is_put_onto_makes_a_traceback(odd: Any) -> None:
    for kind, onto in ONTO.items():
        inputs = {"name": odd, "key": odd, "bucket": odd, onto.property: odd}
        made = review([parse(preview(step("create", kind, "it", None, inputs)), source="preview.json")])
        assert all(each.reason for each in made)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A resource of ours twice, with a few parts of either replaced."""
    kind, inputs, first = draw(st.sampled_from(list(declared().values())))
    found = [inputs, altered(inputs, first, draw(st.sampled_from(ODD)))]
    for which in draw(st.lists(st.integers(0, 1), max_size=3)):
        at = draw(st.sampled_from(list(places(found[which])) or [()]))
        if at and len(at) < 99:
            found[which] = altered(found[which], at, draw(st.sampled_from(ODD)))
    return kind, found[0], found[1]


@settings(max_examples=150 if SOAK else 50, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged())
def test_no_damaged_resource_makes_a_traceback(case: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    kind, old, new = case
    for found in look(kind, (old, new)):
        assert found.reason
        assert found.verdict in Verdict
