"""The smallest change: it is tried on the plan, and one step less would not do."""

import pytest

from recovery.budget.budget import BudgetUnmet, budget
from recovery.budget.remedy import remedy
from recovery.budget.text import require_kept
from recovery.plan.plan import Plan
from tests.support.plans import SEED_LOG, SNAPSHOT, plan

WRONG: dict[str, tuple[tuple[str, str], ...]] = {
    "seed": (SEED_LOG,),
    "seed, slower": ((SEED_LOG[0], SEED_LOG[1].replace("5m", "20m")),),
    "cold": (("strategy: warm", "strategy: cold"),),
    "lease": (("duration: 30s", "duration: 20m"),),
    "snapshot": ((SNAPSHOT, SNAPSHOT.replace("*/5", "*/20")),),
    "files": (("rpo: 27h", "rpo: 2h"),),
    "log": (("every: 1s", "every: 1h"),),
    "promise": (("warm: 30m", "warm: 20m"),),
    "rpo": (("rpo: 15m", "rpo: 1s"),),
    "uptime": (("uptime: 99.9%", "uptime: 99.999%"),),
    "rto": (("rto: 4h", "rto: 2h"), ("cold: 4h", "cold: 3h")),
    "checks": (("failures: 1", "failures: 10"), ("ttl: 10s", "ttl: 10m")),
}


def changed(loaded: Plan) -> Plan:
    """The plan with the remedy written into it, as a person would."""
    raw = loaded.model_dump(mode="json")
    for change in remedy(loaded).changes:
        inner = raw
        *path, last = change.path.split(".")
        for part in path:
            inner[part] = inner.get(part) or {}
            inner = inner[part]
        inner[last] = change.new
    return Plan.model_validate(raw)


@pytest.mark.parametrize("case", WRONG)
def test_the_change_that_is_named_makes_the_plan_keep_everything(case: str) -> None:
    wrong = plan(*WRONG[case])
    assert not budget(wrong).met
    assert remedy(wrong).complete
    assert budget(changed(wrong)).met


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("seed", ["datasets.postgres.log.to: cloud"]),
        ("seed, slower", ["datasets.postgres.log.to: cloud", "datasets.postgres.log.every: 10m or more often"]),
        ("cold", ["datasets.redis.snapshot.to: cloud"]),
        ("lease", ["lease.duration: 5m or less"]),
        ("snapshot", ['datasets.redis.snapshot.schedule: "*/10 * * * *" or more often']),
        ("log", ["datasets.postgres.log.every: 10m or more often"]),
        ("promise", ["strategies.warm: 22m"]),
        ("checks", ["dns.ttl: 5m or less"]),
    ],
)
def test_the_smallest_change_is_the_one_a_person_would_make(case: str, words: list[str]) -> None:
    assert [change.words for change in remedy(plan(*WRONG[case])).changes] == words


def test_a_change_never_touches_an_assumption() -> None:
    for edits in WRONG.values():
        assert not [each for each in remedy(plan(*edits)).changes if each.path.startswith("assumptions")]


def test_a_plan_that_keeps_everything_needs_no_change() -> None:
    assert remedy(plan()).changes == ()


def test_the_message_has_table_terms_and_change_and_repeats_no_terms() -> None:
    with pytest.raises(BudgetUnmet) as caught:
        require_kept(plan(*WRONG["lease"]), source="draft.yaml")
    text = str(caught.value)
    assert text.startswith("draft.yaml: 6 objectives are not kept by the plan's own figures")
    assert "files, region lost          is back after up to" in text
    assert text.count("ASSUMED: assumptions.decide") == 1
    assert text.splitlines()[-3:] == [
        "Next: in draft.yaml make this change, the smallest found:",
        "    lease.duration: 5m or less   (now 20m)",
        "  added up again that way, every objective is kept",
    ]
