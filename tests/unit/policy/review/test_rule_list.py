"""Every rule has an id, which findings carry and waivers may name."""

import re
from dataclasses import asdict
from datetime import date

import pytest

from policy.review.preview import parse
from policy.review.review import review
from policy.review.rule_list import rule_ids, rule_list
from policy.review.waivers import apply_waivers, read_waivers
from policy.rules.by_type import all_rules, shared_rules
from policy.verdict import Finding, objects
from recovery.errors import PlanError
from tests.support.review_command import SHORTER
from tests.support.review_preview import preview, step

KNOWN = (
    "absolute.backup-bucket-locked",
    "aws.tags.*",
    "bucket-encryption.rules.bucket-key-enabled",
    "bucket-lifecycle.noncurrent",
    "bucket-lifecycle.uploads",
    "bucket-versioning.versioning-configuration.status",
    "bucket.force-destroy",
    "cron-job.suspend",
    "deployment.pod.containers.image",
    "ending.table",
    "health-check.invert-healthcheck",
    "iam-role.assume-role-policy",
    "network-policy.spec",
    "new.role-policy-attachment",
    "option.protect",
    "unknown.property",
)


def found(*steps: dict[str, object]) -> list[Finding]:
    return review([parse(preview(*steps), source="a test")])


@pytest.mark.parametrize("name", KNOWN)
def test_an_id_that_waivers_may_name_stays(name: str) -> None:
    assert name in rule_ids()


def test_an_id_belongs_to_one_property_of_one_type() -> None:
    places: dict[str, set[tuple[str, str]]] = {}
    for kind, rule in [*all_rules(), *shared_rules()]:
        places.setdefault(rule.id, set()).add((kind, rule.path))
    assert {name: at for name, at in places.items() if len(at) > 1} == {}
    assert [name for name in rule_ids() if not re.fullmatch(r"[a-z0-9-]+(\.[a-zA-Z0-9_*-]+)+", name)] == []


def test_a_finding_carries_its_rule() -> None:
    role = "aws:iam/role:Role"
    table = "aws:dynamodb/table:Table"
    said = found(
        SHORTER,
        step("update", role, "writer", {"tags": {"a": "b"}}, {"tags": {"a": "c"}}),
        step("update", role, "reader", {"novelty": 1}, {"novelty": 2}),
        step("delete", table, "control", {"name": "control"}, None),
        step("delete", "aws:sqs/queue:Queue", "queue", {"name": "q"}, None),
    )
    assert {(each.name, each.rule) for each in said} == {
        ("backups-dr-lifecycle", "bucket-lifecycle.noncurrent"),
        ("writer", "aws.tags"),
        ("reader", "unknown.property"),
        ("control", "ending.table"),
        ("queue", "unknown.ending"),
    }
    assert {each.rule for each in said} <= set(rule_ids())


WAIVER = """
waivers:
  - resource: backups-dr-lifecycle
    rule: {rule}
    who: Anna
    why: agreed in the meeting
    until: 2026-12-01
"""
TODAY = date(2026, 11, 23)


def test_a_waiver_may_name_the_rule_instead_of_the_property() -> None:
    waivers = read_waivers(WAIVER.format(rule="bucket-lifecycle.noncurrent"), source="waivers.yaml", today=TODAY)
    assert [objects(each) for each in apply_waivers(found(SHORTER), waivers, today=TODAY)] == [False]
    wrong = read_waivers(WAIVER.format(rule="bucket-lifecycle.current"), source="waivers.yaml", today=TODAY)
    assert any(objects(each) for each in apply_waivers(found(SHORTER), wrong, today=TODAY))


def test_a_waiver_for_a_rule_that_does_not_exist_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(PlanError) as raised:
        read_waivers(WAIVER.format(rule="bucket-lifecycle.noncurent"), source="waivers.yaml", today=TODAY)
    assert raised.value.problems == (
        "waiver 1: rule: no rule is called 'bucket-lifecycle.noncurent'; perhaps bucket-lifecycle.noncurrent",
    )


def test_a_listed_rule_says_what_it_is_about() -> None:
    listed = {each.id: asdict(each) for each in rule_list()}
    assert listed["cron-job.suspend"] == {
        "id": "cron-job.suspend",
        "type": "kubernetes:batch/v1:CronJob",
        "property": "spec.suspend",
        "why": listed["cron-job.suspend"]["why"],
    }
    assert all(each["why"] for each in listed.values())
