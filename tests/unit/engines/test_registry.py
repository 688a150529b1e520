"""Which engines there are, and that a machine lacks nothing they need."""

import pytest

from engines.registry import ENGINES, engine_of, require
from operations.copies.backup import order_by_plan
from recovery.errors import Refused
from recovery.plan.datasets import SCHEDULED_TODAY
from recovery.plan.loading import load_plan
from tests.support.plans import ROOT
from tests.support.toy_engine import Toy

PLAN = load_plan(ROOT / "recovery.yaml")


def test_every_copy_that_the_stacks_declare_has_an_engine_and_every_engine_its_section_in_the_plan() -> None:
    assert set(ENGINES) >= SCHEDULED_TODAY
    for key, engine in ENGINES.items():
        assert (engine.dataset, engine.kind) == key
        order_by_plan(PLAN, engine, "prod", run="r", program_version="test")


def test_an_unknown_copy_is_refused_with_what_there_is() -> None:
    with pytest.raises(Refused, match="configuration hourly is nothing that can be backed up") as refusal:
        engine_of("configuration", "hourly")
    assert "postgres full" in refusal.value.next_step


def test_an_engine_whose_copy_is_not_in_the_plan_is_refused() -> None:
    class Unplanned(Toy):
        kind = "hourly"

    with pytest.raises(Refused, match="the plan says nothing about redis hourly"):
        order_by_plan(PLAN, Unplanned(), "prod", run="r", program_version="test")


def test_everything_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="redis snapshot needs dump on PATH and check on PATH and TOY in the environment"):
        require(Toy(), {"PATH": "/nowhere"}, tools=("dump", "check"), settings=("TOY",))
    require(Toy(), {"PATH": "/bin:/usr/bin", "TOY": "x"}, tools=("sh",), settings=("TOY",))
