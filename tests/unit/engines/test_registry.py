"""Which engines there are, and that a machine lacks nothing they need."""

import pytest

from engines.registry import DATASETS, engine_of, engines, log_of, require, restore_of
from engines.serving import SERVED, served_log_of
from operations.copies.backup import order_by_plan
from operations.copies.shipping_task import order_by_plan as shipping_by_plan
from recovery.errors import Refused
from recovery.plan.datasets import SCHEDULED_TODAY, SHIPPED_TODAY
from recovery.plan.loading import load_plan
from tests.support.plans import ROOT
from tests.support.toy_engine import Toy

PLAN = load_plan(ROOT / "recovery.yaml")


def test_every_copy_that_the_stacks_declare_has_an_engine_and_every_engine_its_section_in_the_plan() -> None:
    assert {(engine.dataset, engine.kind) for engine in engines()} >= SCHEDULED_TODAY
    for engine in engines():
        assert engine_of(engine.dataset, engine.kind) is engine
        order_by_plan(PLAN, engine, "prod", run="r", program_version="test")


def test_an_unknown_copy_is_refused_with_what_there_is() -> None:
    with pytest.raises(Refused, match="configuration hourly is nothing that can be backed up") as refusal:
        engine_of("configuration", "hourly")
    assert "postgres full" in refusal.value.next_step


def test_each_part_of_a_dataset_is_registered_under_its_own_name() -> None:
    for name, there in DATASETS.items():
        assert {each.dataset for each in (*there.copies, there.restore, there.log) if each} == {name}


def test_every_dataset_that_is_copied_can_be_restored_and_every_log_that_the_stacks_ship_is_registered() -> None:
    for dataset in DATASETS:
        restore_of(dataset)
    for dataset, _ in SHIPPED_TODAY:
        shipping_by_plan(PLAN, log_of(dataset).dataset, "prod")


def test_what_a_dataset_does_not_have_is_refused_with_what_there_is() -> None:
    with pytest.raises(Refused, match="elephants is nothing that can be restored") as refusal:
        restore_of("elephants")
    assert "postgres" in refusal.value.next_step
    with pytest.raises(Refused, match="redis has no log that can be shipped") as refusal:
        log_of("redis")
    assert "postgres" in refusal.value.next_step
    with pytest.raises(Refused, match="the plan says nothing about redis log"):
        shipping_by_plan(PLAN, "redis", "prod")


def test_every_log_that_can_be_served_is_a_dataset_s_own() -> None:
    for dataset in SERVED:
        assert served_log_of(dataset).dataset == dataset and dataset in DATASETS
    with pytest.raises(Refused, match="redis has no log that can be served") as refusal:
        served_log_of("redis")
    assert "postgres" in refusal.value.next_step


def test_an_engine_whose_copy_is_not_in_the_plan_is_refused() -> None:
    class Unplanned(Toy):
        kind = "hourly"

    with pytest.raises(Refused, match="the plan says nothing about redis hourly"):
        order_by_plan(PLAN, Unplanned(), "prod", run="r", program_version="test")


def test_everything_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="redis snapshot needs dump on PATH and check on PATH and TOY in the environment"):
        require("redis snapshot", {"PATH": "/nowhere"}, tools=("dump", "check"), settings=("TOY",))
    require("redis snapshot", {"PATH": "/bin:/usr/bin", "TOY": "x"}, tools=("sh",), settings=("TOY",))
