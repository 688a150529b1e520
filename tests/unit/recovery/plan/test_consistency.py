"""Rules between fields of the plan: each is named where it is best mended, and no other mistake hides it."""

import json

import pytest

from recovery.errors import PlanError
from recovery.plan.loading import parse_plan
from recovery.plan.plan import Plan
from tests.support.plans import SNAPSHOT, edited, plan


def problems_of(*edits: tuple[str, str]) -> tuple[str, ...]:
    with pytest.raises(PlanError) as caught:
        parse_plan(edited(*edits))
    return caught.value.problems


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("strategy: warm", "strategy: hot"), "strategy: hot is reserved"),
        (("name: api.ultramarket.com", "name: ultramarket.com"), "dns.name: ultramarket.com is the zone itself, where"),
        (("zone: ultramarket.com", "zone: market.com"), "dns.zone: api.ultramarket.com does not lie in it"),
        (("auth: {warm: 1", "auth: {warm: 0"), "services.auth.warm: expected at least 1 with strategy warm"),
        (("warm: 30m, cold", "warm: 5h, cold"), "strategies.cold: expected at least 5h, the time of warm"),
        (("hot: 5m", "hot: 31m"), "strategies.warm: expected at least 31m, the time of hot"),
        (("rpo: 27h", "rpo: 15m"), "datasets.files.exception.rpo: no exception: it is not weaker than objectives.rpo"),
        (("      rpo: 27h\n", ""), "datasets.files.exception: expected an rpo, an rto or both"),
        (("reason: changes come", "reason: why #"), "datasets.configuration.exception.reason: "),
        ((SNAPSHOT, SNAPSHOT.replace("3m", "4m")), "datasets.redis.snapshot.schedule: runs overlap: one may start 2m"),
        (("time_zone: Asia/Tashkent", "time_zone: Europe/Berlin"), "postgres.full.schedule: 02:00 does not start on"),
        (("size: {postgres: 200GB", "size: {postgres: 200"), "assumptions.size.postgres: expected a size such as"),
        (("size: {postgres: 200GB", "size: {postgres: 0GB"), "expected a size such as 500MB or 200GB"),
        (("rto: 4h", "rto: 101y"), "objectives.rto: expected a duration of at most 100y"),
        (("rto: 4h", "rto: 99999999999d"), "objectives.rto: expected a duration such as"),
        (("rto: 4h", "rto: ٤h"), "objectives.rto: expected a duration such as"),
    ],
)
def test_a_broken_rule_is_named_at_its_place(edit: tuple[str, str], said: str) -> None:
    assert any(said in each for each in problems_of(edit))


def test_rules_are_told_together_with_wrong_fields() -> None:
    found = problems_of(
        ("rto: 4h", "rto: soon"),
        ("uptime: 99.9%", "uptme: 99.9%"),
        ("renewal: 5s", "renewal: 15s"),
        ("local: 3d, cloud: 30d", "local: 3d, cloud: 2d"),
        ("cart: {warm: 1", "cart: {warm: 9"),
        ("region: us-east-2", "region: eu-west-1"),
        (SNAPSHOT, SNAPSHOT.replace("3m", "4m")),
    )
    assert [each.split(": ")[1] for each in found] == [
        "objectives.uptime",
        "objectives.rto",
        "objectives.uptme",
        "sites",
        "lease.renewal",
        "datasets.redis.snapshot.schedule",
        "datasets.files.full.keep",
        "services.cart",
    ]


def test_a_rule_says_nothing_about_a_value_that_is_wrong_by_itself() -> None:
    (found,) = problems_of(("renewal: 5s", "renewal: often"))
    assert "lease.renewal: expected a duration" in found
    (found,) = problems_of(("region: us-east-2", "region: Ohio"))
    assert "sites.witness.region: " in found


def test_a_cold_site_may_stand_at_zero() -> None:
    cold = plan(("strategy: warm", "strategy: cold"), ("auth: {warm: 1", "auth: {warm: 0"), ("to: local", "to: cloud"))
    assert cold.services["auth"].warm == 0


def test_the_plan_survives_its_own_json_form() -> None:
    first = plan()
    assert Plan.model_validate_json(first.model_dump_json()) == first
    assert Plan.model_validate(json.loads(first.model_dump_json())).digest == first.digest


def test_rules_hold_for_a_plan_that_comes_as_json() -> None:
    wrong = plan().model_dump(mode="json")
    wrong["lease"]["renewal"] = "20s"
    with pytest.raises(ValueError, match="renewal must be at most a third"):
        Plan.model_validate_json(json.dumps(wrong))
