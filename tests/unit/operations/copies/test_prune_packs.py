"""Packs, which copies share, end when no manifest names them and no lock holds them: not before, and not later."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from operations.copies.prune import PruneOrder, execute, look, words
from recovery.errors import Refused
from recovery.names import PACKS
from recovery.plan.sites import SiteName
from tests.support.fakes import FakeBucket
from tests.support.files_site import FilesSite, aged, make_site
from tests.support.plans import plan
from tests.support.restore_site import Stock, flipped

DAY = timedelta(days=1)


@pytest.fixture
def site(tmp_path: Path) -> FilesSite:
    return aged(make_site(tmp_path))


def back_up(site: FilesSite, name: str) -> str:
    """A copy with a file of its own that is gone the next time; returns its folder."""
    before = set(site.store.objects)
    path = site.write(name, name.encode() * 100)
    if not site.packs:
        site.write("stays", b"stays")
    made = site.back_up()
    path.unlink()
    for key in set(site.store.objects) - before:
        site.store.modified[key] = made.manifest.started
    return made.manifest.folder


def judged(site: FilesSite, now: datetime, *, of: SiteName = "prod", replicas: FakeBucket | None = None) -> PruneOrder:
    site.store.now = now
    return look(site.store, plan(), of, clock=lambda: now, replicas=replicas)


def pruned(site: FilesSite, now: datetime, *, of: SiteName = "prod") -> PruneOrder:
    order = judged(site, now, of=of, replicas=_same(site) if of == "prod" else None)
    execute(site.store, order, site.leases, "prod", clock=lambda: now)
    return order


def _same(site: FilesSite) -> Stock:
    """The DR bucket when all has arrived there."""
    return Stock(site.store.objects)


def start(site: FilesSite) -> datetime:
    assert site.clock
    return site.clock


def test_a_pack_goes_when_no_manifest_names_it_and_its_lock_is_over(site: FilesSite) -> None:
    first = back_up(site, "one")
    begin = start(site)
    (old,) = site.packs
    site.clock = begin + DAY
    back_up(site, "two")
    later = begin + 10 * DAY
    order = pruned(site, later)
    assert [each.copy.folder for each in order.verdict.prunes] == [first] and order.shared == ()
    assert old in site.packs  # its manifest was there when this run began
    again = pruned(site, later)
    # The old pack still holds "stays", which the second copy uses: it is named, and it stays.
    assert again.shared == () and old in site.packs
    site.check()
    site.restore()


def test_a_pack_that_nothing_names_any_more_goes_in_the_run_after_its_last_manifest(site: FilesSite) -> None:
    back_up(site, "one")
    begin = start(site)
    (old,) = site.packs
    site.write("stays", b"")
    (site.root / "stays").unlink()
    site.clock = begin + DAY
    back_up(site, "two")
    assert len(site.packs) == 2
    later = begin + 10 * DAY
    assert pruned(site, later).shared == ()
    order = judged(site, later, replicas=_same(site))
    assert [each.key for each in order.shared] == [old] and "1 packs that no copy names" in words(order, executed=False)
    execute(site.store, order, site.leases, "prod", clock=lambda: later)
    assert old not in site.packs and len(site.packs) == 1
    assert not [key for key in site.store.markers if key.startswith(PACKS) and key != old]
    site.check()


def alone(site: FilesSite, key: str = "") -> str:
    """A pack that no manifest names, as a killed run leaves it."""
    key = key or f"{PACKS}{'a' * 64}.zst"
    site.store.objects[key] = b"pack"
    return key


@pytest.mark.parametrize(
    ("left", "goes"),
    [
        (lambda site, key, now: None, True),
        (lambda site, key, now: site.store.retained.update({key: now + DAY}), False),
        (lambda site, key, now: site.store.modified.update({key: now - 2 * timedelta(hours=1)}), False),
    ],
    ids=["nothing holds it", "it is locked", "its run may go on"],
)
def test_what_a_killed_run_left_goes_when_nothing_holds_it(
    site: FilesSite, left: Callable[[FilesSite, str, datetime], None], goes: bool
) -> None:
    back_up(site, "one")
    now = start(site) + DAY
    key = alone(site)
    site.store.modified[key] = now - 3 * DAY
    left(site, key, now)
    order = pruned(site, now)
    assert [each.key for each in order.shared] == ([key] if goes else [])
    assert (key not in site.packs) == goes
    site.check()


def test_a_pack_that_a_run_uses_again_meanwhile_is_left(site: FilesSite) -> None:
    back_up(site, "one")
    now = start(site) + DAY
    key = alone(site)
    site.store.modified[key] = now - 3 * DAY
    order = judged(site, now, replicas=_same(site))
    assert [each.key for each in order.shared] == [key]
    site.store.lock(key, now + 3 * DAY)  # by a run that will name it
    execute(site.store, order, site.leases, "prod", clock=lambda: now)
    assert key in site.packs


@pytest.mark.parametrize("what", ["manifest", "hidden manifest", "hidden pack"])
def test_no_pack_goes_while_something_cannot_be_explained(site: FilesSite, what: str) -> None:
    folder = back_up(site, "one")
    (named,) = site.packs
    now = start(site) + DAY
    key = alone(site)
    site.store.modified[key] = now - 3 * DAY
    if what == "manifest":
        body = site.store.objects[f"{folder}manifest.json"]
        site.store.objects[f"{folder}manifest.json"] = flipped(body)
    elif what == "hidden manifest":
        site.store.hide(f"{folder}manifest.json")
    else:
        site.store.hide(named)
    before = set(site.packs)
    order = pruned(site, now)
    assert order.shared == () and set(site.packs) == before


def test_a_hidden_pack_that_is_locked_is_counted_however_old_it_is(site: FilesSite) -> None:
    back_up(site, "one")
    begin = start(site)
    (pack,) = site.packs
    now = begin + 400 * DAY  # older than any lock of the plan: it was made longer, night after night
    site.clock = now - DAY
    back_up(site, "two")
    site.store.hide(pack)
    order = judged(site, now, replicas=_same(site))
    assert [each.key for each in order.hidden] == [pack]


def test_a_copy_stays_in_productions_bucket_until_its_packs_are_in_the_dr_bucket_too(site: FilesSite) -> None:
    first = back_up(site, "one")
    begin = start(site)
    site.clock = begin + DAY
    back_up(site, "two")
    replicas = _same(site)
    now = begin + 10 * DAY
    assert [each.copy.folder for each in judged(site, now, replicas=replicas).verdict.prunes] == [first]
    for key in [key for key in replicas.objects if key.startswith(PACKS)]:
        del replicas.objects[key]
    order = judged(site, now, replicas=replicas)
    assert order.verdict.prunes == ()
    assert "the DR bucket has no replica of it" in {each.reason for each in order.verdict.keeps}


def test_the_dr_bucket_keeps_what_its_older_copies_name(site: FilesSite) -> None:
    back_up(site, "one")
    begin = start(site)
    packs = set(site.packs)
    (site.root / "stays").unlink()
    site.clock = begin + DAY
    back_up(site, "two")
    order = pruned(site, begin + 100 * DAY, of="dr")
    assert order.verdict.prunes == () and order.shared == () and packs <= set(site.packs)


def test_a_withheld_copy_is_not_the_newest_full_that_stays(site: FilesSite) -> None:
    for number in range(10):
        site.write(f"many/{number}", b"x")
    whole = back_up(site, "one")
    begin = start(site)
    for number in range(10):
        (site.root / f"many/{number}").unlink()
    site.clock = begin + DAY
    withheld = back_up(site, "two")
    order = judged(site, begin + 400 * DAY, of="dr")
    assert {each.copy.folder: each.reason for each in order.verdict.keeps} == {whole: "the newest full"}
    assert [each.copy.folder for each in order.verdict.prunes] == [withheld]


def test_a_refusal_before_the_first_marker_is_a_refusal(site: FilesSite, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(site, "one")
    now = start(site) + DAY
    site.store.modified[alone(site)] = now - 3 * DAY

    def refuse(key: str) -> None:
        raise Refused("access denied")

    monkeypatch.setattr(site.store, "hide", refuse)
    with pytest.raises(Refused, match="access denied"):
        pruned(site, now)
