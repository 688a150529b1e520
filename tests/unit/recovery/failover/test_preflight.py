"""Why a promotion is refused before it begins, one reason a test."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from recovery.failover.facts import Unknown
from recovery.failover.overrides import Overrides
from recovery.failover.production import is_renewing
from recovery.lease.guard_report import DatabaseSeen, Objection, objections
from recovery.names import namespace_identity
from recovery.ports.control_table import RunClaim
from recovery.ports.edge import ServiceAnswer
from tests.support.preflight import facts, reason, verdict
from tests.support.promotion import NOW, OTHER_GLIBC, PLAN, RUN, SYSTEM, guard_report, lease, room, standby, walls

HELD = walls()["prod"]
assert HELD is not None
SURE = Overrides(production_is_lost="the region's status page says so")


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


def test_production_s_wall_known_to_be_open_is_a_reason_unless_production_is_surely_dead() -> None:
    held = walls()["prod"]
    assert held
    seen = facts(walls=walls(prod=replace(held, holds=False, words="no password supplied")))
    assert "lets applications in past its gate" in reason(seen)
    assert verdict(seen).reasons[0].override == "production-is-lost"
    overruled = verdict(seen, SURE)
    assert overruled.may_go and any("no password supplied" in each for each in overruled.warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prod": None}, "only the gate reaches prod's database is not sure: never checked"),
        ({"dr": None}, "only the gate reaches dr's database is not sure: never checked"),
        ({"dr": Unknown("no answer")}, "only the gate reaches dr's database is not known: no answer"),
        ({"prod": replace(HELD, at=NOW - timedelta(hours=25))}, "prod's database is not sure: last checked 25h ago"),
        ({"dr": replace(HELD, site="dr", holds=False)}, "dr's database is not sure: the database at"),
    ],
)
def test_a_wall_of_which_less_is_known_is_a_warning(changes: dict[str, Any], words: str) -> None:
    found = verdict(facts(walls=walls(**changes)))
    (warning,) = found.warnings
    assert found.may_go and words in warning
    assert "not known" in warning or "run `dr check wall --site" in warning


def test_an_edge_that_answers_without_its_database_does_not_take_orders() -> None:
    assert verdict(facts(old_edge=ServiceAnswer(status=503, site="prod", epoch=None))).may_go


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404])
def test_an_edge_that_answers_without_its_site_blinds_a_view_and_is_refused(status: int) -> None:
    seen = facts(old_edge=ServiceAnswer(status=status, site=None, epoch=None, instead=f"HTTP {status}: a login page"))
    (only,) = verdict(seen).reasons
    assert f"HTTP {status}: a login page" in only.what
    assert f"`dr check service https://{PLAN.dns.name} --edge " in only.next_step
    assert only.override == "production-is-lost"
    assert verdict(seen, SURE).may_go


def test_a_load_balancer_s_own_answer_proves_nothing_and_stops_nobody() -> None:
    seen = facts(old_edge=ServiceAnswer(status=502, site=None, epoch=None, instead="HTTP 502: a load balancer"))
    assert verdict(seen).may_go
    assert any("proves nothing: HTTP 502: a load balancer" in warning for warning in verdict(seen).warnings)


def test_an_edge_of_production_that_leads_to_the_dr_site_is_refused() -> None:
    assert "leads to the DR site" in reason(facts(old_edge=ServiceAnswer(status=503, site="dr", epoch=None)))


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


def test_promotion_refuses_a_standby_of_another_system_than_the_lease_recorded_without_any_configuration() -> None:
    seen = facts(lease=lease(system_identifier="7300000000000000001"))
    found = reason(seen, system_identifier=None)
    assert f"has system identifier {SYSTEM}, production's is 7300000000000000001, as the lease recorded it" in found
    # What is configured does not outvote what was recorded.
    assert "as the lease recorded it" in reason(seen)
    assert verdict(facts(lease=lease(system_identifier=SYSTEM)), system_identifier=None).may_go


def test_that_production_s_system_is_not_known_is_said() -> None:
    found = verdict(facts(), system_identifier=None)
    assert found.may_go and any("system identifier is not known" in each for each in found.warnings)
    known = verdict(facts(lease=lease(system_identifier=SYSTEM)), system_identifier=None)
    assert not any("system identifier" in each for each in known.warnings)


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


def against(**changes: Any) -> tuple[Objection, ...]:
    """What the DR guard's report says against it."""
    return (*objections(guard_report(**changes), "dr", PLAN.lease, system_identifier=SYSTEM, now=NOW),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"at": NOW - timedelta(seconds=91)}, "has not reported for 1m 31s (limit 1m 30s)"),
        ({"lease_problem": "no AWS credentials: there is no"}, "cannot use the lease: no AWS credentials"),
        ({"database": None, "database_problem": "password authentication failed"}, "log in to its database: password"),
        ({"database": DatabaseSeen(system_identifier="1", in_recovery=True)}, "system identifier 1, production's is"),
    ],
)
def test_promotion_refuses_a_dr_guard_that_could_not_open_its_gate(changes: dict[str, Any], words: str) -> None:
    seen = facts(guard_report=against(**changes))
    assert words in reason(seen)
    (refusal,) = verdict(seen).reasons
    assert refusal.override == "guard-unproven" and "--guard-unproven (the promotion then waits" in refusal.next_step
    overruled = verdict(seen, Overrides(guard_unproven=True))
    assert overruled.may_go
    assert any(words in each for each in overruled.warnings), "going on without is no reason to forget it"
    assert "override guard-unproven: yes" in overruled.warnings


def test_promotion_refuses_when_the_dr_guard_never_reported_or_nobody_can_say() -> None:
    nothing = (*objections(None, "dr", PLAN.lease, system_identifier=SYSTEM, now=NOW),)
    assert "has never reported" in reason(facts(guard_report=nothing))
    assert "cannot be read: throttled" in reason(facts(guard_report=Unknown("throttled")))


def test_a_guard_that_reported_within_three_times_its_interval_is_at_work() -> None:
    assert against(at=NOW - timedelta(seconds=90)) == ()
    other = DatabaseSeen(system_identifier="1", in_recovery=True)
    assert [*objections(guard_report(database=other), "dr", PLAN.lease, system_identifier="", now=NOW)] == []


def test_a_promotion_that_has_the_lease_is_not_stopped_by_the_guard_s_silence() -> None:
    ours = lease(site="dr", epoch=2, state="taken", holder_run=RUN)
    assert verdict(facts(lease=ours, guard_report=against(at=NOW - timedelta(hours=1)))).may_go


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


FULL = sum(service.full - 1 for service in PLAN.services.values())
LEAST = sum(service.least - 1 for service in PLAN.services.values())


def test_promotion_refuses_when_no_node_has_room_for_the_least_that_traffic_moves_at() -> None:
    short = facts(room=room(LEAST - 1, closed={"node-3": "not ready"}))
    said = reason(short)
    assert f"1 of {LEAST} Pods that it waits for find no node" in said
    assert f"full size asks for {FULL} Pods, 3,000m CPU, 6,144 MiB more" in said
    assert f"2 nodes have {LEAST - 1} Pods, 1,250m CPU, 2,560 MiB free; not counted: node-3 (not ready)" in said
    assert verdict(short).reasons[0].override == "without-room"
    assert verdict(short, Overrides(without_room=True)).may_go


def test_promotion_warns_when_full_size_has_no_room() -> None:
    found = verdict(facts(room=room(LEAST)))
    assert found.may_go
    assert any(f"{FULL - LEAST} of {FULL} Pods of full size find no node" in each for each in found.warnings)
    assert not any("find no node" in each for each in verdict(facts(room=room(FULL))).warnings)


def test_a_run_that_has_the_lease_goes_on_without_room() -> None:
    assert verdict(facts(room=room(0), lease=lease(site="dr", epoch=2, holder_run=RUN))).may_go


def test_room_that_is_not_known_is_a_warning() -> None:
    found = verdict(facts(room=Unknown("nodes is forbidden")))
    assert found.may_go
    assert any("not known: nodes is forbidden" in each for each in found.warnings)


def test_text_that_is_sorted_in_another_way_is_a_warning_that_says_what_to_do() -> None:
    found = verdict(facts(collations=(OTHER_GLIBC, replace(OTHER_GLIBC, database="other", indexes=None))))
    assert found.may_go
    (first, second) = [each for each in found.warnings if "sorted by another collation" in each]
    assert "indexes orders_pkey may miss rows" in first and "REFRESH COLLATION VERSION" in first
    assert "its indexes on text may miss rows" in second


def test_an_unknown_collation_is_a_warning() -> None:
    assert any("sorted as at the primary is not known" in w for w in verdict(facts(collations=Unknown("no"))).warnings)
