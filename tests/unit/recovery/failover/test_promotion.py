"""What a promotion does when things are not as they should be, one fault a test."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from recovery.errors import Failed, Refused
from recovery.failover.answers import wrong
from recovery.failover.history import History
from recovery.failover.journal import seal
from recovery.failover.moves import Done, Stop, Wait
from recovery.failover.promotion import Seen, decide
from recovery.failover.steps.fence import FenceSeen
from recovery.failover.steps.services import STEP as SERVICES
from recovery.ports.edge import ServiceAnswer, WriteAnswer
from tests.support.plans import ROOT
from tests.support.promotion import NOW, PLAN, RUN, Site, bundle, lease, process, standby

TAKEN = lease().successor("dr", RUN, lease=PLAN.lease.duration, margin=PLAN.lease.margin)


def history_until(*steps: str) -> History:
    """A journal in which these steps are done."""
    entries = [seal([], run=RUN, at=NOW, kind="begin", step="preflight", data={"epoch": 1, "renewals": 100})]
    for step in steps:
        facts = {"epoch_before": 1, "epoch_after": 2, "fence_seconds": 32.0} if step == "lease" else {}
        entries.append(seal(entries, run=RUN, at=NOW, kind="done", step=step, data=facts))
    return History.of(entries)


def seen(clock: float, taken: float, fence: FenceSeen) -> Seen:
    """What a process sees that took the lease at `taken`."""
    return Seen(clock=clock, issued={("lease", "take"): taken}, of={"fence": fence})


def test_the_whole_promotion_takes_the_fence_wait_and_little_more(tmp_path: Path) -> None:
    site = Site()
    journal = process(site, tmp_path)
    fence = journal.history().done["fence"]
    assert fence["waited_seconds"] == pytest.approx(32.0, abs=0.3)
    assert fence["ended_by"] == "the clock"
    assert site.clock < 34
    assert site.effects.index("promote") > site.effects.index("scale order")


def test_services_scale_while_the_fence_wait_runs(tmp_path: Path) -> None:
    site = Site()
    process(site, tmp_path)
    done = [move.step for _, move in site.told if isinstance(move, Done)]
    assert done.index("scale") < done.index("fence")


def test_fence_wait_uses_the_old_holders_terms_not_the_plans(tmp_path: Path) -> None:
    site = Site(lease=lease(lease_seconds=90.0, margin_seconds=10.0))
    journal = process(site, tmp_path)
    assert journal.history().done["fence"]["waited_seconds"] >= 100


def test_the_old_guards_record_of_the_new_epoch_ends_the_fence_wait(tmp_path: Path) -> None:
    move = decide(
        bundle(),
        history_until("lease", "scale"),
        seen(1.0, 0.5, FenceSeen(lease=replace(TAKEN, fenced_epoch=2), old_site="silent")),
    )
    assert isinstance(move[0], Done)
    assert move[0].facts["ended_by"] == "the old guard's record"


def test_a_fence_record_of_an_older_epoch_proves_nothing() -> None:
    for recorded in (0, 1):
        looked = seen(1.0, 0.5, FenceSeen(lease=replace(TAKEN, fenced_epoch=recorded)))
        (move,) = decide(bundle(), history_until("lease", "scale"), looked)
        assert isinstance(move, Wait)


def test_the_fence_wait_starts_again_after_a_restart() -> None:
    restarted = Seen(clock=5000.0, started={"fence": 5000.0}, of={"fence": FenceSeen(lease=TAKEN)})
    (move,) = decide(bundle(), history_until("lease", "scale"), restarted)
    assert isinstance(move, Wait)
    assert move.why == "0 s of 32 s"


def test_a_lost_answer_to_the_takeover_is_settled_by_reading_the_run_id(tmp_path: Path) -> None:
    site = Site(lost_answers={"take"})
    journal = process(site, tmp_path)
    assert site.count("take") == 1
    assert journal.history().done["fence"]["waited_seconds"] >= 32


def test_an_accepted_write_at_the_old_site_is_a_full_stop(tmp_path: Path) -> None:
    site = Site(old_site=WriteAnswer("accepted"))
    with pytest.raises(Failed, match="acknowledged a write"):
        process(site, tmp_path, overrides={"production-is-lost": "sure"})
    assert site.count("promote") == 0
    site.old_site = WriteAnswer("refused")
    process(site, tmp_path)
    assert site.marker


def test_promotion_aborts_cleanly_when_production_comes_back_before_the_takeover(tmp_path: Path) -> None:
    site = Site()

    def guard_renews() -> None:
        site.lease = replace(site.lease or lease(), renewals=101)

    with pytest.raises(Refused, match="production came back"):
        process(site, tmp_path, check=guard_renews)
    assert site.effects == []


def test_promotion_stops_when_another_run_has_taken_the_lease(tmp_path: Path) -> None:
    site = Site(lease=replace(TAKEN, holder_run="another"))
    with pytest.raises(Refused, match="another"):
        process(site, tmp_path)
    assert site.effects == []


def test_promotion_stops_when_the_lease_moves_on_during_the_wait(tmp_path: Path) -> None:
    looked = seen(100.0, 0.0, FenceSeen(lease=replace(TAKEN, holder_run="another")))
    (move,) = decide(bundle(), history_until("lease", "scale"), looked)
    assert isinstance(move, Stop)


def test_wrong_system_identifier_is_a_hard_stop(tmp_path: Path) -> None:
    site = Site(database=standby(system_identifier="1"))
    with pytest.raises(Failed, match="system identifier"):
        process(site, tmp_path)
    assert site.count("promote") == 0


def test_another_database_at_the_standby_s_address_than_the_lease_recorded_is_a_hard_stop(tmp_path: Path) -> None:
    site = Site(lease=lease(system_identifier="7300000000000000001"))
    with pytest.raises(Failed, match="production's is 7300000000000000001, as the lease recorded it"):
        process(site, tmp_path)
    assert site.count("promote") == 0


def test_a_database_that_somebody_else_promoted_is_not_taken_for_ours(tmp_path: Path) -> None:
    site = Site(database=standby(in_recovery=False))
    with pytest.raises(Failed, match="primary already"):
        process(site, tmp_path)
    assert not site.marker


def test_paused_replay_is_resumed_before_the_promotion(tmp_path: Path) -> None:
    site = Site(database=standby(replay_paused=True))
    process(site, tmp_path)
    assert site.effects.index("resume") < site.effects.index("promote")


def test_promotion_is_asked_for_once_however_long_it_takes(tmp_path: Path) -> None:
    site = Site(promotion_looks=20)
    process(site, tmp_path)
    assert site.count("promote") == 1


def test_a_cluster_that_denies_scaling_does_not_stop_the_databases(tmp_path: Path) -> None:
    site = Site(denied={"scale cart"})
    with pytest.raises(Failed, match="not allowed to scale cart"):
        process(site, tmp_path)
    assert site.count("promote") == 1
    assert not site.marker
    site.denied.clear()
    process(site, tmp_path)
    assert site.replicas["cart"] == PLAN.services["cart"].full


def test_promoted_but_read_only_fails_the_write_step_and_moves_no_traffic(tmp_path: Path) -> None:
    site = Site(writable=False)
    with pytest.raises(Failed, match="read-only"):
        process(site, tmp_path)
    assert not site.marker
    site.writable = True
    process(site, tmp_path)
    assert site.marker


def test_traffic_stays_while_three_of_six_services_are_not_ready(tmp_path: Path) -> None:
    site = Site(broken={name: "ErrImagePull: no such image" for name in ("cart", "user", "auth")})
    with pytest.raises(Failed, match="ErrImagePull: no such image"):
        process(site, tmp_path)
    assert not site.marker
    site.broken.clear()
    process(site, tmp_path)
    assert site.marker
    assert site.count("promote") == 1


def test_traffic_moves_at_the_least_and_scaling_goes_on(tmp_path: Path) -> None:
    site = Site(few={"cart": PLAN.services["cart"].least})
    journal = process(site, tmp_path)
    assert site.marker
    assert site.replicas["cart"] == PLAN.services["cart"].full
    seen = journal.history().done["services"]
    assert seen["still_scaling"] == {"cart": "2 of 3"}
    assert SERVICES.sentence(seen) == (
        "all 6 services answer on the DR edge, ready at the plan's least or above; still scaling: cart 2 of 3"
    )


def test_traffic_stays_below_the_least_of_one_service(tmp_path: Path) -> None:
    site = Site(few={"cart": PLAN.services["cart"].least - 1})
    with pytest.raises(Failed, match="cart: 1 ready, traffic moves at 2"):
        process(site, tmp_path)
    assert not site.marker


def test_a_cluster_that_does_not_answer_does_not_delay_the_databases(tmp_path: Path) -> None:
    site = Site(down={"cluster"})
    with pytest.raises(Failed, match="cluster does not answer"):
        process(site, tmp_path)
    assert site.count("promote") == 1
    assert 300 < site.clock < 400
    site.down.clear()
    process(site, tmp_path)
    assert site.marker


def test_a_200_from_the_wrong_site_or_epoch_is_not_success() -> None:
    assert wrong("order", ServiceAnswer(status=200, site="dr", epoch=2), 2) == ""
    assert "site prod" in wrong("order", ServiceAnswer(status=200, site="prod", epoch=2), 2)
    assert "epoch 1" in wrong("order", ServiceAnswer(status=200, site="dr", epoch=1), 2)
    assert "HTTP 503" in wrong("order", ServiceAnswer(status=503, site="dr", epoch=2), 2)


def test_each_resolver_is_polled_until_it_leads_to_dr(tmp_path: Path) -> None:
    site = Site(stale_resolvers={"cached": 10.0, "uncached": 3.0})
    journal = process(site, tmp_path)
    seconds = journal.history().done["name"]["resolvers"]
    assert seconds["uncached"] == pytest.approx(3.0, abs=0.3)
    assert seconds["cached"] == pytest.approx(10.0, abs=0.3)


def test_a_resolver_that_never_leads_to_dr_is_named_and_the_run_resumes(tmp_path: Path) -> None:
    site = Site(stale_resolvers={"cached": 1e6})
    with pytest.raises(Failed, match="cached: answered by site prod"):
        process(site, tmp_path)
    site.stale_resolvers.clear()
    process(site, tmp_path)
    assert site.count("marker") == 1


def test_the_marker_is_put_only_after_the_services_are_verified(tmp_path: Path) -> None:
    site = Site()
    process(site, tmp_path)
    done = [move.step for _, move in site.told if isinstance(move, Done)]
    assert done.index("services") < done.index("traffic") < done.index("name")


def test_journal_store_down_stops_the_run_before_the_next_effect(tmp_path: Path) -> None:
    site = Site(down={"journal"})
    with pytest.raises(Failed):
        process(site, tmp_path)
    assert site.effects == []
    process(site, tmp_path, local_only=True)
    assert site.marker


def test_a_run_continued_on_the_local_journal_is_put_into_the_table_later(tmp_path: Path) -> None:
    site = Site(broken={"cart": "Pending"})
    with pytest.raises(Failed):
        process(site, tmp_path, local_only=True)
    assert not site.table
    site.broken.clear()
    journal = process(site, tmp_path)
    assert len(site.table) == len(journal.entries)


def test_sigterm_ends_between_two_effects_and_says_how_to_resume(tmp_path: Path) -> None:
    from operations.failover.interrupt import Interrupted

    site = Site()

    def asked_to_end() -> None:
        if site.clock > 10:
            raise Interrupted("interrupted by SIGTERM", next_step="run it again")

    with pytest.raises(Interrupted) as caught:
        process(site, tmp_path, check=asked_to_end)
    assert caught.value.exit_code == 1
    assert site.count("promote") == 0
    restarted = site.clock
    process(site, tmp_path)
    assert site.count("take") == 1
    assert site.clock - restarted >= 32  # the wait starts again


def test_durations_are_monotonic_so_a_jump_of_the_clock_shortens_nothing(tmp_path: Path) -> None:
    # By the wall clock of the journal an hour has passed since the takeover; by the monotonic one, 31.9 s.
    first = seal([], run=RUN, at=NOW - timedelta(hours=1), kind="begin", step="preflight")
    facts = {"epoch_after": 2, "fence_seconds": 32.0}
    taken = seal([first], run=RUN, at=NOW - timedelta(hours=1), kind="done", step="lease", data=facts)
    scaled = seal([first, taken], run=RUN, at=NOW, kind="done", step="scale")
    history = History.of([first, taken, scaled])
    (move,) = decide(bundle(), history, seen(31.9, 0.0, FenceSeen(lease=TAKEN)))
    assert isinstance(move, Wait)


def test_no_part_of_a_promotion_knows_route_53() -> None:
    parts = [*(ROOT / "scripts").glob("promot*.py"), *(ROOT / "operations" / "failover").rglob("*.py")]
    assert len(parts) >= 7
    for part in parts:
        assert not re.search(r"""["']route53|region.*us-east-1""", part.read_text())
