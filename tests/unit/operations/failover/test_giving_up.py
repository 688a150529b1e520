"""Giving up a promotion after corruption before it takes the lease: nothing is lost, and it works after any end."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from operations.failover import giving_up
from recovery.errors import Failed, Refused
from recovery.failover.history import History
from recovery.failover.journal import read_lines
from recovery.failover.restoring import Wish, suits
from recovery.ports.control_table import RunClaim
from tests.support.failover import Invocation
from tests.support.promotion import BurningFile, Crash, Site, standby
from tests.support.standby_set import StandbySetSite
from tests.unit.operations.failover.test_readying import (
    HALF_AN_HOUR,
    WELL,
    active,
    after_corruption,
    burning,
    cold_bundle,
)


def stopped(site: Site, folder: Path, at: str) -> Site:
    """A promotion after corruption that came to its first `order`, and no further; or that is still `restoring`."""
    if at == "order":
        site.denied.add("standby 0")
    else:
        site.set.problem = "  not yet"
    with pytest.raises(Failed):
        after_corruption(site, folder).execute(**HALF_AN_HOUR)
    site.denied.clear()
    site.set.problem = ""
    if at == "restoring":
        site.set.new_disk()  # made with its Pod, before anything is restored onto it
    site.effects.clear()
    return site


def test_a_dry_run_says_what_would_be_and_changes_nothing(tmp_path: Path) -> None:
    site = stopped(Site(), tmp_path, "restoring")
    before, lines = replace(site.set), [*site.table]
    found = Invocation(site, tmp_path).give_up(execute=False)
    assert found.giving.words == (
        "the standby is made anew: it copies production, and follows it; what was restored stays on volume pv-2, which "
        "nobody needs"
    )
    assert (site.effects, site.set.order, [*site.table]) == ([], before.order, lines)


@pytest.mark.parametrize("make", [Site, active], ids=["production is active", "DR is active"])
def test_before_the_disk_was_left_only_the_order_goes(make: Callable[[], Site], tmp_path: Path) -> None:
    site = stopped(make(), tmp_path, "order")
    database = site.database
    found = Invocation(site, tmp_path).give_up()
    assert found.giving.way == "keep" and site.effects == ["clear"]
    assert site.database == database and site.set.claim and site.set.claim.uid == "claim-1" and site.set.wanted == 1


def test_a_pod_that_had_been_ended_is_started_again_on_its_own_disk(tmp_path: Path) -> None:
    site = Site(denied={"release"})
    with pytest.raises(Failed):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    site.effects.clear()
    Invocation(site, tmp_path).give_up()
    assert site.effects == ["clear", "standby 1"]
    assert site.set.claim and site.set.claim.uid == "claim-1" and site.kept == {}


def test_once_the_disk_was_left_the_standby_copies_production_again(tmp_path: Path) -> None:
    site = stopped(Site(), tmp_path, "restoring")
    Invocation(site, tmp_path).give_up()
    assert site.effects == ["standby 0", "release", "clear", "standby 1"]
    assert site.set.order is None and site.set.wanted == 1 and site.claim is None
    assert "pv-1" in site.kept, "the data from before stay where they were left"


def test_a_cold_site_is_cold_again(tmp_path: Path) -> None:
    site = Site(set=StandbySetSite.cold())
    site.set.problem = "  not yet"
    with pytest.raises(Failed):
        replace(after_corruption(site, tmp_path), bundle=cold_bundle()).execute(**HALF_AN_HOUR)
    site.effects.clear()
    Invocation(site, tmp_path, bundle=cold_bundle()).give_up()
    assert site.effects == ["standby 0", "clear"]


def test_nobody_goes_on_with_what_was_given_up_and_the_same_moment_is_a_new_run(tmp_path: Path) -> None:
    site = stopped(Site(), tmp_path, "restoring")
    first = Invocation(site, tmp_path).give_up().run
    site.set.look()
    site.database = standby(streaming=True)
    (journal,) = tmp_path.glob("*.jsonl")
    entries = read_lines(journal.read_bytes(), source="")[0]
    assert entries[-1].kind == "given_up" and journal.stem == first
    assert not suits(History.of(entries), Wish(WELL)), "also for whoever finds it in the control table"
    again = after_corruption(site, tmp_path)
    assert again.prepare(**HALF_AN_HOUR).run != first
    outcome = again.execute(**HALF_AN_HOUR)
    assert outcome.history.finished and site.database.pinned == "0/1F4", "restored once more, not taken as it is"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another machine"])
def test_at_an_active_site_whose_disk_was_left_an_administrator_has_to(elsewhere: bool, tmp_path: Path) -> None:
    site = stopped(active(), tmp_path / "one", "restoring")
    folder = tmp_path / "two" if elsewhere else tmp_path / "one"
    with pytest.raises(Refused, match="this site is the active one, and its database is on volume") as refused:
        Invocation(site, folder).give_up()
    assert ("pv-1" in refused.value.what) == (not elsewhere)
    assert f"dr promote --after corruption --to {WELL}; or have that done: docs/runbooks" in refused.value.next_step
    assert site.effects == []


def test_with_the_lease_taken_there_is_only_going_on(tmp_path: Path) -> None:
    site = Site(broken={"cart": "Pending: no node"})
    with pytest.raises(Failed, match="Pending: no node"):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    site.effects.clear()
    with pytest.raises(Refused, match="it has taken the lease, or was about to") as refused:
        Invocation(site, tmp_path / "another machine").give_up()
    assert refused.value.next_step == f"go on with it: dr promote --after corruption --to {WELL}"
    assert site.effects == []


def test_an_answer_to_the_taking_that_was_lost_counts_as_taken(tmp_path: Path) -> None:
    site = Site(denied={"take"})
    with pytest.raises(Failed):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    assert site.lease and site.lease.site == "prod"
    with pytest.raises(Refused, match="it has taken the lease, or was about to"):
        Invocation(site, tmp_path).give_up()


@pytest.mark.parametrize(
    ("site", "words"),
    [
        (Site(), "no promotion after corruption is under way"),
        (Site(set=StandbySetSite.cold(), lease=None), "the site lease was never initialised"),
    ],
)
def test_where_there_is_nothing_to_give_up_nothing_is_done(site: Site, words: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=words):
        Invocation(site, tmp_path).give_up()
    assert site.effects == []


def test_what_somebody_has_promoted_by_hand_is_not_thrown_away(tmp_path: Path) -> None:
    site = Site()
    site.set.comes_up_as["in_recovery"] = False
    with pytest.raises(Failed, match="somebody has promoted it"):
        after_corruption(site, tmp_path).execute(**HALF_AN_HOUR)
    site.effects.clear()
    with pytest.raises(Refused, match="takes writes: somebody has promoted it"):
        Invocation(site, tmp_path).give_up()
    assert site.effects == []


def test_while_somebody_promotes_nothing_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = stopped(Site(), tmp_path, "restoring")
    alive = RunClaim(run="r", holder="elsewhere:1", boot_id="b", beat=7)
    monkeypatch.setattr(giving_up, "live_claim", lambda _: (alive, alive))
    with pytest.raises(Refused, match="elsewhere:1 promotes just now"):
        Invocation(site, tmp_path).give_up()
    assert site.effects == []


@pytest.mark.parametrize("at", ["order", "restoring"])
def test_killed_at_any_call_it_is_finished_by_the_next(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survived = 0
    for number in count():
        folder = tmp_path / str(number)
        site = stopped(Site(), folder, at)
        monkeypatch.setattr(giving_up, "JournalFile", lambda folder, run, site=site: BurningFile(folder, run, site))
        invocation = Invocation(site, folder, change=burning(site))
        site.fuse = number
        try:
            invocation.give_up()
        except Crash:
            site.fuse = None
            finish(invocation)
        else:
            break
        assert site.set.order is None and site.set.wanted == 1
        assert site.count("release") == site.count("standby 0") == (at == "restoring")
        assert site.set.claim is None or site.set.claim.uid == ("claim-1" if at == "order" else "claim-3")
        survived += 1
    assert survived > (5 if at == "order" else 10)


def finish(invocation: Any) -> None:
    """The same command again; that all was done already is told as such."""
    try:
        invocation.give_up()
    except Refused as refused:
        assert "no promotion after corruption is under way" in refused.what
