"""What only AWS can show is a numbered step, and a step says what to run and what to see."""

import re

import pytest

from tests.support.plans import ROOT

PAGE = (ROOT / "docs" / "first-account.md").read_text(encoding="utf-8")
_STEP = re.compile(r"^(\d+)\. (.*?)(?=^\d+\. |^#|\Z)", re.MULTILINE | re.DOTALL)
STEPS = {int(number): text for number, text in _STEP.findall(PAGE)}
_FINDING = re.compile(r"^### (\w+)\. (.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
FINDINGS = dict(_FINDING.findall((ROOT / "docs" / "real-aws.md").read_text(encoding="utf-8")))
_TO_TRY = re.compile(r"\(TV\)|to\s+try\s+on\s+a\s+first\s+account", re.IGNORECASE)
_NAMED = re.compile(r"to\s+try\s+on\s+a\s+first\s+account,\s+steps?\s+(\d+)(?:\s+and\s+(\d+))?:", re.IGNORECASE)
_CODE, _SEE = re.compile(r"`[^`]+`"), re.compile(r"\*\*see:?\*\*", re.IGNORECASE)


def test_the_steps_are_numbered_one_after_the_other_and_the_table_has_all_of_them() -> None:
    assert list(STEPS) == list(range(1, len(STEPS) + 1))
    spans = re.findall(r"^\|[^|]*\| (\d+)(?:-(\d+))? \|", PAGE, re.MULTILINE)
    assert [number for first, last in spans for number in range(int(first), int(last or first) + 1)] == list(STEPS)


@pytest.mark.parametrize("number", STEPS)
def test_a_step_says_what_to_run_and_what_to_see(number: int) -> None:
    before, *after = _SEE.split(STEPS[number], maxsplit=1)
    assert _CODE.search(before), "nothing to run"
    assert after and after[0].strip(), "nothing to see"


@pytest.mark.parametrize("finding", [name for name, text in FINDINGS.items() if _TO_TRY.search(text)])
def test_what_is_to_be_tried_on_aws_names_its_step(finding: str) -> None:
    named = [int(number) for found in _NAMED.findall(FINDINGS[finding]) for number in found if number]
    assert named, "no step is named"
    assert [number for number in named if number not in STEPS] == []


def test_a_step_that_another_names_is_there() -> None:
    named = {int(number) for number in re.findall(r"\bsteps? (\d+)", PAGE)}
    assert named - STEPS.keys() == set()
