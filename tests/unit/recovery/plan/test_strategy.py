"""What a strategy means for what is declared, promoted and restored, and what the cluster is told of it."""

import json

from recovery.plan.strategy import consequences, followed, strategy_config
from tests.support.plans import plan

COLD = plan(("strategy: warm", "strategy: cold"))


def test_a_warm_site_has_standbys_and_restores_nothing() -> None:
    found = consequences(plan())
    assert found.standbys == found.promoted == ("postgres", "redis")
    assert found.restored == found.by_hand == ()


def test_a_cold_site_promotes_the_same_after_a_restore() -> None:
    found = consequences(COLD)
    assert found.standbys == found.laid_out == ()
    assert (found.restored, found.by_hand) == (("postgres",), ("redis",))
    assert found.promoted == consequences(plan()).promoted


def test_what_the_plan_has_and_no_stack_declares_is_told_apart() -> None:
    for each in (plan(), COLD):
        assert consequences(each).planned == ("mongo", "files", "configuration")
        assert consequences(each).laid_out == ()
    assert followed(plan()) == ("postgres", "mongo", "redis", "files", "configuration")
    assert followed(COLD) == ()


def test_the_config_map_says_strategy_and_the_seeds_three_times() -> None:
    found = strategy_config(plan())
    assert found["strategy"] == "warm"
    assert found["recovery-time"] == "30m"
    assert json.loads(found["strategies"]) == {"hot": "5m", "warm": "30m", "cold": "4h"}
    assert json.loads(found["services"])["order"] == {"warm": 1, "least": 2, "full": 3}
    assert strategy_config(COLD)["recovery-time"] == "4h"
    assert strategy_config(COLD)["standbys"] == ""


def test_another_retention_leaves_the_config_map_alone() -> None:
    assert strategy_config(plan(("local: 3d, cloud: 30d", "local: 3d, cloud: 60d"))) == strategy_config(plan())


def test_its_keys_and_values_are_what_kubernetes_accepts() -> None:
    for key, value in strategy_config(plan()).items():
        assert key.replace("-", "").isalnum()
        assert isinstance(value, str)
