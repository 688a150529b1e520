"""After the end: what is still as the run left it is left alone, what is provably its own is put right again."""

from dataclasses import replace
from pathlib import Path

import pytest

from recovery.errors import Failed, Refused
from recovery.failover.moves import Done
from recovery.failover.steps import STEPS
from tests.support.failover import Invocation
from tests.support.promotion import Crash, Site, lease, standby


@pytest.fixture
def active(tmp_path: Path) -> Invocation:
    """A site after a promotion that ended well; its log of effects starts anew."""
    site = Site()
    invocation = Invocation(site, tmp_path)
    invocation.execute()
    assert site.marker
    site.effects.clear()
    site.told.clear()
    return invocation


def test_a_finished_run_whose_work_stands_has_nothing_to_do(active: Invocation) -> None:
    assert active.prepare().finished
    assert active.site.effects == []


def test_a_marker_deleted_after_the_end_is_put_again_by_the_run_that_had_put_it(active: Invocation) -> None:
    active.site.marker = False
    dry = active.prepare()
    assert not dry.finished
    assert dry.verdict.may_go
    assert dry.healing is not None
    assert list(dry.healing.undone) == ["traffic"]
    assert "the lease says the DR site, but the public name leads to production" in dry.healing.undone["traffic"]
    assert dry.healing.steps == ("write", "redis_write", "services", "traffic", "name")
    assert active.site.effects == []

    outcome = active.execute()
    assert active.site.marker
    assert active.site.effects == ["announce", "announce to redis", "marker"]
    assert outcome.history.run == dry.run
    assert outcome.history.finished
    assert [entry.kind for entry in outcome.entries].count("heal") == 1
    assert active.prepare().finished


def test_the_services_are_verified_before_the_marker_is_put_again(active: Invocation) -> None:
    active.site.marker = False
    active.site.broken["cart"] = "CrashLoopBackOff"
    with pytest.raises(Failed, match="cart"):
        active.execute()
    assert not active.site.marker
    active.site.broken.clear()
    active.execute()
    assert active.site.marker
    done = [move.step for _, move in active.site.told if isinstance(move, Done)]
    assert done.index("services") < done.index("traffic")


def test_services_scaled_down_after_the_end_are_scaled_up_again(active: Invocation) -> None:
    active.site.replicas["cart"] = 1
    dry = active.prepare()
    assert dry.healing is not None
    assert list(dry.healing.undone) == ["scale"]
    active.execute()
    assert active.site.count("scale cart") == 1
    assert active.site.count("marker") == active.site.count("promote") == active.site.count("take") == 0
    assert active.prepare().finished


def test_a_lease_of_ours_that_is_no_longer_held_is_held_again(active: Invocation) -> None:
    assert active.site.lease is not None
    active.site.lease = replace(active.site.lease, state="taken")
    active.execute()
    assert active.site.lease.state == "held"
    assert active.site.count("hold") == 1


def test_nothing_is_healed_when_the_lease_is_in_another_epoch(active: Invocation) -> None:
    assert active.site.lease is not None
    active.site.lease = replace(active.site.lease, epoch=5)
    active.site.marker = False
    assert any("the lease is no longer as it left it: site dr, epoch 5" in what for what in active.reasons())
    with pytest.raises(Refused):
        active.execute()
    assert active.site.effects == []


def test_nothing_is_healed_when_the_dr_database_is_a_standby_again(active: Invocation) -> None:
    active.site.marker = False
    active.site.database = standby()
    assert any("is a standby again" in what for what in active.reasons())
    with pytest.raises(Refused):
        active.execute()
    assert not active.site.marker


def test_a_marker_that_cannot_be_seen_is_neither_fine_nor_put_again(active: Invocation) -> None:
    active.site.marker = False
    active.site.down.add("marker")
    assert not active.prepare().finished
    assert any("step traffic still stands is not known: marker does not answer" in what for what in active.reasons())
    with pytest.raises(Refused):
        active.execute()
    assert active.site.effects == []


def test_after_a_failback_the_finished_run_is_not_healed(active: Invocation) -> None:
    active.site.lease = lease(epoch=3)
    active.site.marker = False
    prepared = active.prepare()
    assert prepared.healing is None
    assert not prepared.history.done


def test_a_lease_of_a_lost_journal_and_a_name_that_leads_elsewhere_are_both_named(active: Invocation) -> None:
    active.site.table.clear()
    for path in active.folder.iterdir():
        path.unlink()
    active.site.marker = False
    assert any(
        "active already: epoch 2" in what and "the public name leads to production, which is fenced" in what
        for what in active.reasons()
    )


def test_a_marker_without_a_promotion_is_named_beside_the_lease(tmp_path: Path) -> None:
    warnings = Invocation(Site(marker=True), tmp_path).prepare().verdict.warnings
    assert any(words.startswith("lease and name disagree: the lease is production's") for words in warnings)


def test_a_healing_killed_at_any_point_is_gone_on_with(tmp_path: Path) -> None:
    survived = 0
    for fuse in range(60):
        site = Site()
        invocation = Invocation(site, tmp_path / str(fuse))
        invocation.execute()
        site.marker, site.fuse = False, fuse
        try:
            invocation.execute()
        except Crash:
            survived += 1
        else:
            break
        finally:
            site.fuse = None
            site.claim = None
        outcome = invocation.execute()
        assert site.marker
        assert outcome.history.finished
        assert set(outcome.history.done) == {step.name for step in STEPS}
        assert site.count("take") == site.count("promote") == 1
    assert survived > 10
