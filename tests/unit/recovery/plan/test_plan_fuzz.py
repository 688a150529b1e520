"""No input makes a traceback: text, structure, a damaged plan, a damaged stack configuration. Only PlanError."""

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from recovery.budget.budget import budget
from recovery.budget.remedy import remedy
from recovery.errors import DrError, PlanError
from recovery.plan.loading import parse_plan
from tests.support.plans import TEXT

# What has a meaning in YAML, in cron, in durations; and what has none.
WORDS = "yes on 010 1:30 ~ &a *a << !!python/name:os.system { [ ] } | > % --- ... 7y 0s -1d 1e400% nan% permanent null"
PIECES = st.sampled_from(
    [
        *WORDS.split(),
        "",
        "\t",
        "\0",
        "\ud7ff",
        "\u2028",
        "\x85",
        "0 2 * * *",
        "*/0 * * * *",
        "0 0 31 2 *",
        "9" * 30 + "s",
    ]
)
VALUES = st.recursive(
    st.one_of(PIECES, st.text(max_size=12), st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(PIECES, st.text(max_size=6)), inner, max_size=3)
    ),
    max_leaves=6,
)
PLAIN = yaml.safe_load(TEXT)


def read(text: str) -> None:
    """Accepted and added up, or refused in words."""
    try:
        plan = parse_plan(text)
    except PlanError as error:
        assert error.problems
        for problem in error.problems:
            assert len(problem) < 1_000
            assert "\n" not in problem
        return
    if not budget(plan).met:
        remedy(plan)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a structure."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))


PATHS = sorted(paths(PLAIN))


@given(st.text(max_size=300))
def test_no_text_makes_a_traceback(text: str) -> None:
    read(text)


@given(st.lists(st.one_of(PIECES, st.sampled_from([": ", "\n", "\n  ", "- ", ", ", "'", '"'])), max_size=30))
def test_no_pieces_of_yaml_make_a_traceback(pieces: list[str]) -> None:
    read("".join(pieces))


@given(VALUES)
def test_no_structure_makes_a_traceback(value: Any) -> None:
    with contextlib.suppress(yaml.YAMLError, UnicodeEncodeError):
        read(yaml.safe_dump(value, allow_unicode=True))


@limits(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PATHS), st.one_of(VALUES, st.just("(removed)"))), min_size=1, max_size=4))
def test_no_damage_to_the_plan_makes_a_traceback(damages: list[tuple[tuple[Any, ...], Any]]) -> None:
    damaged: Any = copy.deepcopy(PLAIN)
    for path, value in damages:
        inner = damaged
        for part in path[:-1]:
            inner = inner.get(part) if isinstance(inner, dict) else None
        if not isinstance(inner, dict):
            continue
        if value == "(removed)":
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = value
    read(yaml.safe_dump(damaged, allow_unicode=True))


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 40), PIECES)
def test_no_damage_to_the_text_makes_a_traceback(start: int, length: int, piece: str) -> None:
    read(TEXT[:start] + piece + TEXT[start + length :])


@given(st.integers(0, 2**32))
def test_whole_lines_in_any_order_make_no_traceback(seed: int) -> None:
    rows = TEXT.splitlines()
    random.Random(seed).shuffle(rows)  # noqa: S311 - a seed of hypothesis
    read("\n".join(rows))


@limits(max_examples=25)
@given(
    st.sampled_from(["1s", "30s", "1m", "59m", "4h", "30d", "99y", "100y"]),
    st.sampled_from(["rto: 4h", "rpo: 15m", "every: 1s", "decide: 10m", "margin: 2s", "ttl: 10s", "rpo: 27h"]),
    st.sampled_from(["strategy: warm", "strategy: cold"]),
)
def test_every_plan_that_is_accepted_can_be_added_up(duration: str, where: str, strategy: str) -> None:
    key = where.partition(":")[0]
    read(TEXT.replace(where, f"{key}: {duration}", 1).replace("strategy: warm", strategy))


def test_a_damaged_plan_is_also_refused_as_a_dr_error() -> None:
    with pytest.raises(DrError):
        parse_plan("]")
