"""A standby that is restored before the promotion begins: the newest at a cold site, a moment after corruption."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from operations.failover import failover
from operations.failover.ports import Ports
from operations.monitoring.promotion import Run, judge_promotion
from recovery.copies.server_order import ServerOrder
from recovery.copies.standby_set import DiskClaim
from recovery.errors import Failed, Refused
from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Done, Wait
from recovery.failover.promotion import open_steps
from recovery.failover.restoring import Wish
from recovery.failover.steps import RESTORING
from recovery.lease.lease import Heartbeat
from tests.support.failover import Invocation
from tests.support.promotion import NOW, PLAN, BurningFile, Crash, Site, bundle, lease, standby
from tests.support.standby_set import StandbySetSite

WELL = "2026-11-22T02:30:00Z"  # half an hour before NOW
HALF_AN_HOUR = {"accept_loss": timedelta(minutes=45)}
RESTORES_ONCE = ("order", "standby 1", "clear")


def cold(**changes: Any) -> Site:
    """Production is lost, nothing runs at the DR site."""
    return Site(set=StandbySetSite.cold(), **changes)


def cold_bundle() -> Bundle:
    """Of a plan whose strategy is cold."""
    return bundle(plan=PLAN.model_copy(update={"strategy": "cold"}))


def active(**changes: Any) -> Site:
    """The DR site took over some time ago, and its database is damaged."""
    held = lease(site="dr", epoch=2, holder_run="20261101T000000Z-before", heartbeat=beat(minutes=0))
    primary = standby(in_recovery=False, timeline=2, receive_lsn=9000, replay_lsn=9000)
    return Site(lease=held, database=primary, site_row=("dr", 2), marker=True, **changes)


def beat(**ago: float) -> Heartbeat:
    """What the active site's guard said last."""
    return Heartbeat(at=NOW - timedelta(**ago), lsn=9000, commits_per_second=10.0, timeline=1)


def after_corruption(site: Site, folder: Path, to: str = WELL) -> Invocation:
    """`dr promote --after corruption --to …`."""
    return Invocation(site, folder, wish=Wish(to))


def told(site: Site) -> list[str]:
    """The sentences of the steps that were done."""
    return [f"{step.name}: {step.sentence(move.facts)}" for step, move in site.told if isinstance(move, Done)]


def test_a_cold_promotion_shows_what_it_restores_first_and_changes_nothing(tmp_path: Path) -> None:
    site = cold(bucket_end=1000)
    shown = Invocation(site, tmp_path / "journal", bundle=cold_bundle()).prepare()
    assert shown.verdict.may_go, shown.verdict.words()
    assert site.effects == [] and not (tmp_path / "journal").exists()
    assert shown.forecast.seconds_of("restore: unpack and check") == 40.0
    assert shown.forecast.total_seconds > 40.0
    assert "the bucket has everything production reported last" in shown.forecast.loss.words()


def test_what_is_restored_first_is_open_alone_and_a_status_says_so() -> None:
    assert [step.name for step in open_steps(History.of(()), RESTORING)] == ["restore"]
    begun = History("r", {}, {}, {}, tuple(step.name for step in RESTORING))
    said = judge_promotion(Run(id="r", claim=None, history=begun, last="2026-11-22T03:00:00+00:00"))
    assert "run r is at: restore;" in said.words


def test_a_cold_promotion_loses_what_the_bucket_does_not_have(tmp_path: Path) -> None:
    site = cold(bucket_end=400)
    site.set.planned["until"] = NOW - timedelta(minutes=20)
    reasons = Invocation(site, tmp_path, bundle=cold_bundle()).reasons()
    assert reasons == ["1170 s of orders and 600 bytes would be lost; the RPO is 900 s"]


def test_a_cold_promotion_restores_then_drains_and_promotes_and_clears_its_order_last(tmp_path: Path) -> None:
    site = cold(bucket_end=1000)
    outcome = Invocation(site, tmp_path, bundle=cold_bundle()).execute()
    assert [each for each in site.effects if each in (*RESTORES_ONCE, "take", "promote", "marker")] == [
        "order", "standby 1", "take", "promote", "marker", "clear",
    ]  # fmt: skip
    assert outcome.history.steps == tuple(step.name for step in RESTORING)
    assert outcome.history.finished and site.set.order is None
    assert "restore: the standby is restored, at 0/3E8, and follows" in told(site)
    assert "drain: the bucket had nothing of the log that the standby had not" in told(site)
    again = Invocation(site, tmp_path, bundle=cold_bundle()).prepare()
    assert again.finished


def test_after_corruption_the_moment_before_is_promoted_under_a_new_epoch_and_nothing_is_drained(
    tmp_path: Path,
) -> None:
    damaged = standby(receive_lsn=1000, replay_lsn=1000, streaming=True)
    site = Site(database=damaged, bucket_end=2000, lease=lease(heartbeat=beat(minutes=1)))
    after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert [each for each in site.effects if not each.startswith("scale")] == [
        "order", "standby 0", "release", "standby 1", "take", "promote redis", "promote", "keep redis", "hold",
        "announce", "announce to redis", "marker", "clear",
    ]  # fmt: skip
    assert site.kept == {"pv-1": damaged}
    assert site.database.pinned == "0/1F4" and site.database.replay_lsn == 700 and not site.database.in_recovery
    assert site.lease and (site.lease.site, site.lease.epoch) == ("dr", 2)
    assert "restore: the standby is restored, pinned to 0/1F4; the damaged data stay on volume pv-1" in told(site)
    assert "drain: nothing is drained: what the bucket has after 0/1F4 is given up, and stays there" in told(site)


def test_corruption_at_the_active_dr_site_takes_its_own_lease_and_asks_production_nothing(tmp_path: Path) -> None:
    site = active(down={"edge old"})
    after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert site.lease and (site.lease.site, site.lease.epoch, site.lease.state) == ("dr", 3, "held")
    assert site.site_row == ("dr", 3) and site.database.pinned == "0/1F4"
    assert "lease: the site lease is ours: epoch 3, taken from the DR site's damaged database (epoch 2)" in told(site)
    assert "fence: the damaged database's gate is closed: its lease ran out after 32.0 s" in told(site)


def test_the_loss_on_purpose_is_shown_and_has_to_be_accepted(tmp_path: Path) -> None:
    invocation = after_corruption(active(), tmp_path)
    (only,) = invocation.prepare().verdict.reasons
    assert only.override == "accept-loss" and "--accept-loss 45m" in only.next_step
    assert only.what == (
        f"Loss, on purpose: everything after {WELL}, 30m until this was asked for, 18,000 orders at the last rate "
        "reported; and what is ordered from then until the old gate is closed."
    )
    assert invocation.reasons(accept_loss=timedelta(minutes=29)) == [only.what]
    accepted = invocation.prepare(**HALF_AN_HOUR)
    assert accepted.verdict.may_go
    assert any(f"look first, `dr restore postgres --beside --to {WELL} --execute`" in each
               for each in accepted.verdict.warnings)  # fmt: skip
    assert "the damaged data stay on volume pv-1; nothing is removed from it" in accepted.verdict.warnings


def test_of_a_position_the_loss_counts_from_the_last_transaction_before_it(tmp_path: Path) -> None:
    invocation = after_corruption(active(), tmp_path, to="0/1F4")
    (words,) = invocation.reasons()
    assert "everything after 0/1F4, 30m until this was asked for" in words


def test_a_moment_that_cannot_be_reached_is_refused_with_what_can_be(tmp_path: Path) -> None:
    site = active()
    site.set.cannot_be_reached.add(WELL)
    invocation = after_corruption(site, tmp_path)
    (only,) = invocation.prepare().verdict.reasons
    assert only.what == f"the standby cannot be restored first: {WELL} cannot be reached"
    assert "what can be restored: from 0/64" in only.next_step
    with pytest.raises(Refused):
        invocation.execute(**HALF_AN_HOUR)
    assert site.effects == []


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        ({"archived": "2 objects in Glacier"}, "what is to be restored cannot be read yet: 2 objects in Glacier"),
        ({"system_identifier": "1"}, "the backups' database has system identifier 1, production's is"),
    ],
)
def test_copies_that_cannot_be_used_are_refused(planned: dict[str, Any], words: str, tmp_path: Path) -> None:
    site = active()
    site.set.planned.update(planned)
    (only,) = after_corruption(site, tmp_path).reasons(**HALF_AN_HOUR)
    assert only.startswith(words)


def test_a_disk_that_would_go_with_its_claim_is_never_let_go(tmp_path: Path) -> None:
    site = active()
    site.set.claim = DiskClaim(uid="claim-1", volume="pv-1", retained=False)
    (only,) = after_corruption(site, tmp_path).prepare(**HALF_AN_HOUR).verdict.reasons
    assert only.what == "the damaged data would be lost: volume pv-1 is deleted with its claim"
    assert "kubectl patch persistentvolume pv-1" in only.next_step
    # Somebody changed it after the preflight: the step looks for itself.
    site.set.claim = replace(site.set.claim, retained=True)
    invocation = after_corruption(site, tmp_path)
    prepared = invocation.prepare(**HALF_AN_HOUR)
    assert prepared.verdict.may_go
    write = site.set.write

    def spoil(order: ServerOrder | None) -> None:
        write(order)
        site.set.claim = DiskClaim(uid="claim-1", volume="pv-1", retained=False)

    site.set.write = spoil  # type: ignore[method-assign]
    with pytest.raises(Failed, match="would be lost"):
        invocation.execute(**HALF_AN_HOUR)
    assert site.effects == ["order"]


@pytest.mark.parametrize(
    ("comes_up_as", "words"),
    [
        ({"pinned": ""}, "says that it is no pinned restore, wanted is 0/1F4"),
        ({"pinned": "0/64"}, "says that it is pinned to 0/64, wanted is 0/1F4"),
        ({"replay_lsn": 2**30}, "has replayed up to 0/40000000, which no restore to 0/1F4 has"),
        ({"streaming": True}, "follows another server"),
        ({"system_identifier": "1"}, "the restored server has system identifier 1, production's is"),
        ({"in_recovery": False}, "takes writes: somebody has promoted it"),
    ],
)
def test_what_comes_up_and_is_not_the_restore_of_this_order_is_never_promoted(
    comes_up_as: dict[str, Any], words: str, tmp_path: Path
) -> None:
    site = active()
    site.set.comes_up_as.update(comes_up_as)
    with pytest.raises(Failed, match=words):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert site.count("take") == site.count("promote") == 0


def test_other_data_that_take_the_restore_s_place_after_the_preflight_are_not_promoted(tmp_path: Path) -> None:
    """The step right before pg_promote asks the server once more."""
    site = active()
    invocation = after_corruption(site, tmp_path)

    def swap() -> None:
        site.database = standby(receive_lsn=700, replay_lsn=700)

    take = site.effect

    def effect(name: str, change: Any) -> None:
        take(name, change)
        if name == "take":
            swap()

    site.effect = effect  # type: ignore[method-assign]
    with pytest.raises(Failed, match=r"says that it is no pinned restore.*: it is not what this run restored"):
        invocation.execute(**HALF_AN_HOUR)
    assert site.count("take") == 1 and site.count("promote") == 0


def test_what_fails_while_it_is_restored_is_told_and_the_same_command_goes_on(tmp_path: Path) -> None:
    site = active()
    site.set.problem = "  the log has a hole"
    with pytest.raises(Failed, match="failed while restoring:\n  the log has a hole") as error:
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert "it is tried again by itself, and the same command follows it" in error.value.next_step
    site.set.problem = ""
    outcome = after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert outcome.resumed and outcome.history.finished
    assert site.count("order") == site.count("release") == site.count("take") == 1


def test_another_machine_goes_on_with_the_order_that_the_cluster_has(tmp_path: Path) -> None:
    site = active()
    site.set.problem = "  not yet"
    with pytest.raises(Failed):
        after_corruption(site, tmp_path / "first").execute(**HALF_AN_HOUR)
    order, site.set.problem = site.set.order, ""
    site.clock += 60
    elsewhere = after_corruption(site, tmp_path / "second")
    shown = elsewhere.prepare(**HALF_AN_HOUR)
    assert shown.facts.ordered and shown.facts.ordered.order == order
    assert elsewhere.execute(**HALF_AN_HOUR).history.finished
    assert site.count("order") == site.count("release") == site.count("promote") == 1


def test_another_moment_is_refused_while_one_is_being_restored(tmp_path: Path) -> None:
    site = active()
    site.set.problem = "  not yet"
    with pytest.raises(Failed):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    other = after_corruption(site, tmp_path, to="2026-11-22T02:40:00Z").prepare(**HALF_AN_HOUR)
    (only,) = other.verdict.reasons
    assert only.what.startswith(f"the standby is being restored to {WELL} already, which was asked for at 2026-11-22")
    assert f"dr promote --after corruption --to {WELL}" in only.next_step


def test_a_plain_promotion_neither_resumes_one_after_corruption_nor_takes_its_pinned_standby(tmp_path: Path) -> None:
    site = Site(broken={"cart": "Pending: no node"})
    with pytest.raises(Failed, match="Pending: no node"):  # the lease is taken by then
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    (only,) = Invocation(site, tmp_path).prepare().verdict.reasons
    assert f"is a promotion after corruption, to {WELL}" in only.what
    assert only.next_step == f"go on with it: dr promote --after corruption --to {WELL}"

    begun = Site()
    begun.set.problem = "  not yet"
    with pytest.raises(Failed, match="not yet"):  # and here it is not
        after_corruption(begun, tmp_path / "begun").execute(**HALF_AN_HOUR)
    plain = Invocation(begun, tmp_path / "begun").prepare()
    assert plain.history.begun == {} and plain.facts.ordered is None

    before = Site(database=standby(pinned="0/1F4"))
    (pinned,) = Invocation(before, tmp_path / "other").reasons()
    assert pinned.startswith("the standby was restored to 0/1F4 for a promotion after corruption")


def test_the_restored_standby_is_judged_by_the_whole_preflight_before_the_lease_is_taken(tmp_path: Path) -> None:
    site = active()
    site.reports["dr"] = None
    with pytest.raises(Failed, match=r"the standby is restored, and the promotion has not begun:\n.*never reported"):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert site.count("take") == 0 and site.claim is None
    waited = {move.why for step, move in site.told if isinstance(move, Wait) and step.name == "restore"}
    assert any(each.startswith("the restored standby's guard: the guard of site dr has never") for each in waited)
    outcome = after_corruption(site, tmp_path).execute(guard_unproven=True, **HALF_AN_HOUR)
    assert outcome.history.finished and site.count("order") == 1


def test_a_finished_promotion_after_corruption_is_nothing_to_do_and_another_moment_is_a_new_run(
    tmp_path: Path,
) -> None:
    site = active()
    first = after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert after_corruption(site, tmp_path).prepare().finished
    assert Invocation(site, tmp_path).prepare().finished
    second = after_corruption(site, tmp_path, to="2026-11-22T02:20:00Z")
    assert second.prepare(accept_loss=timedelta(hours=1)).run != first.history.run
    assert second.execute(accept_loss=timedelta(hours=1)).history.finished
    assert site.lease and site.lease.epoch == 4 and site.count("promote") == 2
    assert set(site.kept) == {"pv-1", "pv-2"}


class Burning:
    """A port whose every call can be the last thing that happens; its effects have points of death of their own."""

    def __init__(self, port: Any, site: Site) -> None:
        self._port, self._site = port, site

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **more: Any) -> Any:
            self._site.burn()
            return found(*arguments, **more)

        return call


def burning(site: Site) -> Any:
    """All ports of which a promotion calls methods."""

    def change(found: Ports) -> Ports:
        plain = ("resolvers", "check_resolvers", "look_up", "caller", "newest_backup")
        names = [each.name for each in fields(Ports) if each.name not in plain]
        return replace(found, **{name: Burning(getattr(found, name), site) for name in names})

    return change


def lives(part: int, parts: int) -> Iterator[int]:
    """Every call at which a process can die, this part's share; the caller breaks off when none is left."""
    return count(part, parts)


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("kind", ["cold", "corruption", "corruption at DR"])
def test_killed_at_any_call_of_any_port_it_goes_on_and_does_nothing_twice(
    kind: str, part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"cold": lambda: cold(bucket_end=1000), "corruption": Site, "corruption at DR": active}[kind]
    wish, plan = (None, cold_bundle()) if kind == "cold" else (Wish(WELL), bundle())
    epoch = 3 if kind == "corruption at DR" else 2
    survived = 0
    for number in lives(part, 4):
        site, folder = made(), tmp_path / str(number)
        monkeypatch.setattr(failover, "JournalFile", lambda folder, run, site=site: BurningFile(folder, run, site))
        invocation = Invocation(site, folder, bundle=plan, wish=wish, change=burning(site))
        site.fuse = number
        try:
            invocation.execute(**HALF_AN_HOUR)
        except Crash:
            site.fuse = None
            invocation.execute(**HALF_AN_HOUR)
        else:
            break
        assert site.lease and (site.lease.site, site.lease.epoch, site.lease.state) == ("dr", epoch, "held")
        assert not site.database.in_recovery and site.set.order is None and site.marker
        assert site.database.pinned == ("" if kind == "cold" else "0/1F4")
        once = ("take", "promote", *(() if kind == "cold" else ("release",)))
        assert [site.count(each) for each in once] == [1] * len(once)
        assert site.set.disks == (1 if kind == "cold" else 2)
        survived += 1
    assert survived > 20
