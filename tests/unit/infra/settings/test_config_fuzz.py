"""Stack configuration: no value makes a traceback, and every problem has its place."""

import json
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pulumi.runtime.config import set_all_config

from infra import program
from infra.settings import config
from infra.settings.dr import dr_settings
from infra.settings.foundation import foundation_settings
from infra.settings.prod import prod_settings
from recovery.budget.budget import BudgetUnmet
from recovery.errors import PlanError
from tests.support.plans import ROOT, SEED_LOG, edited
from tests.support.project import current_stack
from tests.support.stacks import SECRETS, committed_config, configure

READERS = {"foundation": foundation_settings, "prod": prod_settings, "dr": dr_settings}
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["²", "٣", "9" * 40, "[" * 5_000, "[1, null]", '{"a": {"b": []}}', "10.0.0.0/99", "::/0", "NaN"]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
        max_leaves=5,
    ).map(json.dumps),
)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pulumi runs the program in the project's folder."""
    with current_stack(monkeypatch, "prod"):
        yield


@pytest.mark.parametrize("stack", READERS)
@limits(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_value_makes_a_traceback(stack: str, data: st.DataObject) -> None:
    committed = {key: json.dumps(v) if not isinstance(v, str) else v for key, v in committed_config(stack).items()}
    ours = sorted(key for key in committed if key.startswith("ultramarket-dr:"))
    keys = st.one_of(
        st.sampled_from([*ours, "ultramarket-dr:plan"]), st.text(max_size=8).map("ultramarket-dr:".__add__)
    )
    changes = data.draw(st.dictionaries(keys, VALUES, min_size=1, max_size=4))
    set_all_config({**committed, **changes}, [f"ultramarket-dr:{key}" for key in SECRETS[stack]])
    try:
        READERS[stack]()
    except PlanError as error:
        assert error.problems
        assert all(len(problem) < 2_000 for problem in error.problems)


@pytest.mark.parametrize(
    ("stack", "key", "value", "said"),
    [
        ("prod", "primaryPort", "²", "primaryPort: expected a whole number"),  # a digit to str.isdigit, not to int
        ("dr", "podCidrs", "[" * 100_000, "podCidrs: expected a list"),  # deeper than json reads
        ("dr", "serviceImages", "[" * 100_000, "serviceImages: expected an object"),
        ("foundation", "checkerRanges", '["::/0"]', "checkerRanges[0]: expected a range no wider than"),
    ],
)
def test_what_once_made_a_traceback_is_refused_in_words(stack: str, key: str, value: str, said: str) -> None:
    configure(stack, {key: value})
    with pytest.raises(PlanError) as caught:
        READERS[stack]()
    assert any(said in problem and len(problem) < 500 for problem in caught.value.problems)


def test_a_problem_has_its_line_in_the_stacks_file() -> None:
    configure("prod", {"account": "nobody", "primaryPort": "99999", "gaurdMode": "off"})
    with pytest.raises(PlanError) as caught:
        prod_settings()
    rows = (ROOT / "Pulumi.prod.yaml").read_text().splitlines()
    line = next(number for number, row in enumerate(rows, 1) if "ultramarket-dr:account:" in row)
    assert f"Pulumi.prod.yaml line {line}: ultramarket-dr:account: expected the AWS account" in caught.value.problems[0]
    assert caught.value.problems[1].startswith("ultramarket-dr:gaurdMode: unknown key")


def test_an_entry_of_a_list_is_found_at_its_key(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text('config:\n  "ultramarket-dr:podCidrs":\n    - nowhere\n')
    problem = "ultramarket-dr:podCidrs[0]: expected a range"
    assert config.located([problem, "other: thing"], file) == [f"{file} line 2: {problem}", "other: thing"]
    assert config.located([problem], tmp_path / "absent.yaml") == [problem]


def test_problems_of_plan_and_configuration_are_told_together(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(edited(("rto: 4h", "rto: soon")))
    configure("dr", {"plan": str(wrong), "account": "nobody", "serviceImages": {"auth": "auth:1"}})
    with pytest.raises(PlanError) as caught:
        dr_settings()
    text = "\n".join(caught.value.problems)
    assert f"{wrong}: line 6: objectives.rto: expected a duration" in text
    assert "ultramarket-dr:account: expected the AWS account's 12 digits" in text
    assert "ultramarket-dr:serviceImages.cart: expected an image" in text


@pytest.mark.parametrize("stack", READERS)
def test_an_unmet_budget_fails_every_stack_with_the_text_of_dr_plan(
    stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(edited(SEED_LOG))
    configure(stack, {"plan": str(seed)})
    monkeypatch.setattr(pulumi, "get_stack", lambda: stack)
    with pytest.raises(BudgetUnmet) as direct:
        READERS[stack]()
    with pytest.raises(pulumi.RunError) as caught:
        program.run()
    assert str(caught.value) == str(direct.value)
    assert "postgres, region lost  loses up to ~20m 5s  allowed 15m  (objectives.rpo)" in str(caught.value)
    assert "datasets.postgres.log.to: cloud   (now local)" in str(caught.value)
