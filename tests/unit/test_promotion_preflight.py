"""Why a promotion is refused before it begins, one reason a test."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from recovery.forecast import forecast
from recovery.lease import Lease
from recovery.names import namespace_identity
from recovery.ports import DeploymentState, RunClaim, ServiceAnswer, StandbyState
from recovery.preflight import Facts, Overrides, Unknown, Verdict, is_renewing, judge
from tests.fakes_promotion import NOW, PLAN, RUN, bundle, lease, standby

SURE = Overrides(production_is_lost="the region's status page says so")


def facts(**changes: Any) -> Facts:
    """Production is gone, DR is as it should be."""
    made = Facts(
        account="123456789012",
        server="https://dr.example",
        annotations=namespace_identity("dr", "123456789012", "us-west-2"),
        lease=lease(),
        renewing=False,
        old_edge=Unknown("connection refused"),
        standby=standby(),
        stream_moves=False,
        deployments={name: DeploymentState(name=name, wanted=1, ready=1, problems=()) for name in PLAN.services},
        marker=False,
        journal="answers",
    )
    return replace(made, **changes)


def verdict(seen: Facts, overrides: Overrides = Overrides(), **changes: Any) -> Verdict:  # noqa: B008 - frozen
    """What preflight says of it."""
    found = seen.lease if isinstance(seen.lease, Lease) else None
    state = seen.standby if isinstance(seen.standby, StandbyState) else None
    outlook = forecast(PLAN, lease=found, standby=state, ready={}, now=NOW)
    return judge(bundle(**changes), seen, outlook, overrides, run=RUN)


def reason(seen: Facts, **changes: Any) -> str:
    """The one reason against; its next step is not empty."""
    (only,) = verdict(seen, **changes).reasons
    assert only.next_step
    return only.what


def test_promotion_may_go_when_production_is_gone_and_dr_is_well() -> None:
    assert verdict(facts()).may_go


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ({"old_edge": ServiceAnswer(status=200, site="prod", epoch=1, database="ok")}, "still takes orders"),
        ({"stream_moves": True}, "still receives its WAL"),
        ({"renewing": True}, "renewed the site lease"),
    ],
)
def test_promotion_refuses_when_any_of_three_views_sees_production_alive(view: dict[str, Any], words: str) -> None:
    seen = facts(**view)
    assert words in reason(seen)
    assert verdict(seen).reasons[0].override == "production-is-lost"
    overruled = verdict(seen, SURE)
    assert overruled.may_go
    assert "override production-is-lost: the region's status page says so" in overruled.warnings


def test_an_edge_that_answers_without_its_database_does_not_take_orders() -> None:
    assert verdict(facts(old_edge=ServiceAnswer(status=503, site="prod", epoch=None))).may_go


def test_promotion_refuses_with_the_wrong_account() -> None:
    assert "account 999999999999" in reason(facts(account="999999999999"))


def test_promotion_refuses_with_the_wrong_cluster() -> None:
    assert "https://prod.example" in reason(facts(server="https://prod.example"))


def test_promotion_refuses_when_the_namespace_is_of_another_site_account_or_region() -> None:
    for key, value in {"site": "prod", "account": "1", "region": "eu-west-1"}.items():
        annotations = namespace_identity("dr", "123456789012", "us-west-2") | {f"dr.ultramarket.com/{key}": value}
        assert f"/{key}={value}" in reason(facts(annotations=annotations))


def test_promotion_refuses_with_every_reason_at_once() -> None:
    found = verdict(
        facts(account="999999999999", server="https://prod.example", lease=None, marker=Unknown("no bucket"))
    )
    assert len(found.reasons) == 4
    assert found.words().count("\n") == 7


def test_promotion_refuses_before_the_lease_was_initialised() -> None:
    assert "never initialised" in reason(facts(lease=None))


def test_promotion_refuses_when_the_marker_bucket_is_missing() -> None:
    assert "marker bucket" in reason(facts(marker=Unknown("bucket ultramarket-failover does not exist")))


def test_a_second_promotion_is_refused_naming_the_holder() -> None:
    other = RunClaim(run="other-run", holder="bastion:4711", boot_id="b", beat=3)
    assert "other-run by bastion:4711" in reason(facts(other=other))


def test_promotion_refuses_when_another_run_made_dr_active() -> None:
    assert "active already" in reason(facts(lease=lease(site="dr", epoch=2, holder_run="another")))


def test_a_run_that_has_the_lease_goes_on_even_if_production_answers_again() -> None:
    ours = lease(site="dr", epoch=2, holder_run=RUN, state="taken")
    back = ServiceAnswer(status=200, site="prod", epoch=1, database="ok")
    assert verdict(facts(lease=ours, old_edge=back, standby=standby(in_recovery=False))).may_go


def test_promotion_refuses_a_database_that_is_a_primary_already() -> None:
    assert "primary already" in reason(facts(standby=standby(in_recovery=False)))


def test_promotion_refuses_the_wrong_system_identifier_even_with_overrides() -> None:
    seen = facts(standby=standby(system_identifier="1"))
    assert not verdict(seen, replace(SURE, accept_loss=timedelta(days=1), local_journal=True)).may_go


def test_a_missing_standby_offers_the_newest_backup() -> None:
    (only,) = verdict(
        facts(standby=Unknown("refused"), stream_moves=Unknown("refused"), newest_backup="b/m.json")
    ).reasons
    assert "b/m.json" in only.next_step


def test_promotion_refuses_a_lag_above_the_rpo_in_seconds_and_bytes() -> None:
    behind = facts(standby=standby(receive_lsn=400, last_replayed_at=NOW - timedelta(hours=1)))
    assert "3570 s of orders and 600 bytes would be lost; the RPO is 900 s" in reason(behind)
    assert not verdict(behind, Overrides(accept_loss=timedelta(minutes=30))).may_go
    assert verdict(behind, Overrides(accept_loss=timedelta(hours=1))).may_go


def test_an_unknown_lag_is_an_estimate_and_needs_the_operators_word() -> None:
    seen = facts(lease=lease(heartbeat=None), standby=standby(last_replayed_at=None))
    assert "never reported a position" in reason(seen)
    assert verdict(seen, Overrides(accept_loss=timedelta(hours=1))).may_go


def test_an_unanswered_view_on_production_is_not_taken_for_its_death() -> None:
    assert "one view on production is missing" in reason(facts(renewing=Unknown("time-out")))


def test_journal_store_down_refuses_without_the_local_journal() -> None:
    seen = facts(journal=Unknown("time-out"))
    assert "journal" in reason(seen)
    assert verdict(seen, Overrides(local_journal=True)).may_go


def test_statements_that_outlive_their_connection_are_warned_about() -> None:
    found = verdict(facts(standby=standby(client_connection_check=False)))
    assert found.may_go
    assert any("client_connection_check_interval" in warning for warning in found.warnings)


def test_an_old_heartbeat_decides_at_once_and_a_recent_one_is_watched() -> None:
    renewal = timedelta(seconds=5)
    assert is_renewing(lease(), renewal, now=NOW) is False
    assert is_renewing(lease(), renewal, now=NOW - timedelta(seconds=52)) is None
    assert is_renewing(lease(heartbeat=None), renewal, now=NOW) is None
