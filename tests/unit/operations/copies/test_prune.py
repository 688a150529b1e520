"""A pruner that is killed, fenced, misled or alone with half a bucket: what the plan keeps stays."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engines.catalog import entries
from engines.postgres.wal_archive import listed
from operations.copies.prune import execute, require_may_end
from recovery.copies.log import SEGMENTS, Gap, Range
from recovery.copies.recovery_target import Reach, Target, choose, reaches
from recovery.errors import Corrupt, DrError, Failed, LeaseRefused, Refused, Unreachable
from recovery.lease.lease import Lease
from recovery.names import Names, manifest_key
from recovery.ports.buckets import StoredObject
from tests.support.fakes import FakeBucket, FakeLeases, held_lease
from tests.support.plans import plan, with_account
from tests.support.prune_site import DAY, LINE, NOW, PruneSite, full_manifest, names, place
from tests.support.simulated_log import Killed
from tests.support.soak import sample


def years(site: PruneSite | None = None) -> PruneSite:
    """Fulls of seven years and more, and the log of the last hundred days; some of each is past its term."""
    site = site or PruneSite()
    for age in (2557.5, 2556.5, 300.5, 97.5, 94.5, 50.5, 0.5):
        site.full(age)
    site.log((99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 60, 59, 2, 1), step=12)
    for start, end in ((88, 60), (58, 2)):
        site.gap(place(start), place(end))
    site.position(place(0))
    site.point(f"{full_folder(0.5)}")
    return site


def full_folder(days_ago: float) -> str:
    return full_manifest(days_ago).parts[0].key.rpartition("/")[0] + "/"


def test_a_dry_run_says_what_would_go_and_changes_nothing() -> None:
    site = years()
    before = dict(site.store.objects)
    order = site.look()
    assert [each.split()[0] for each in names(order)] == ["full", "full", "log", "log", "log", "log", "log"]
    assert order.verdict.gaps == {} and order.hidden == ()
    assert site.store.objects == before and site.store.markers == []
    assert {each.copy.folder for each in order.verdict.prunes[:2]} == {full_folder(2557.5), full_folder(2556.5)}
    # The full of 94.5 days ago is the newest before the oldest moment that is promised; its segment is the last to go.
    assert [each.copy.id for each in order.verdict.prunes[2:]] == [
        f"2028-02-{day} of timeline 1, epoch 1" for day in (23, 24, 25, 26, 27)
    ]


def test_what_goes_is_hidden_and_a_second_run_finds_nothing_to_do() -> None:
    site = years()
    kept = {each.copy.folder for each in site.look().verdict.keeps}
    order = site.run()
    assert not [key for key in site.store.objects if key.startswith((full_folder(2557.5), full_folder(2556.5)))]
    assert all(manifest_key(folder) in site.store.objects for folder in kept if not folder.startswith(SEGMENTS))
    assert len(site.store.markers) == len(set(site.store.markers)) == 2 * 3 + 11 + 4 * 24
    again = site.run()
    assert again.verdict.prunes == () and len(site.store.markers) == 113
    assert {each.copy.folder for each in again.verdict.keeps} == kept and order.hidden == again.hidden == ()


def operations() -> int:
    site = years()
    site.run()
    return len(site.store.operations)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_operation_it_loses_nothing_that_is_kept_and_the_next_run_completes(after: bool) -> None:
    whole = years()
    whole.run()
    for number in sample([*range(1, operations() + 1)], one_in=2, turn=after):
        site = years()
        site.store.die_at, site.store.after = number, after
        with pytest.raises(Killed):
            site.run()
        assert whole.store.objects.keys() <= site.store.objects.keys()
        site.store.live()
        again = site.run()
        assert again.verdict.gaps == {} and again.hidden == ()
        assert site.store.objects == whole.store.objects, f"killed at operation {number}"
        assert len(site.store.markers) == len(set(site.store.markers)), "nothing is hidden twice"


def test_two_at_once_come_to_the_same_end() -> None:
    site, alone = years(), years()
    alone.run()
    first, second = site.look(), site.look()
    execute(site.store, first, site.leases, "prod")
    execute(site.store, second, site.leases, "prod")
    assert site.store.objects == alone.store.objects
    assert site.look().verdict.prunes == ()


def test_a_pruner_of_a_fenced_site_ends_nothing() -> None:  # fault 68
    site = years()
    with pytest.raises(LeaseRefused, match="site prod is fenced"):
        site.run(FakeLeases(held_lease("dr", epoch=2)))
    with pytest.raises(LeaseRefused, match="never initialised"):
        site.run(FakeLeases(None))
    assert site.store.markers == []


class Moves(FakeLeases):
    """The other site takes the lease after some reads."""

    def __init__(self, reads: int) -> None:
        super().__init__(held_lease("prod"))
        self._reads = reads

    def read(self) -> Lease | None:
        self._reads -= 1
        if self._reads < 0:
            self.lease = held_lease("dr", epoch=2)
        return super().read()


def test_a_lease_that_moves_stops_the_pruner_before_the_next_copy() -> None:  # fault 68
    site = years()
    with pytest.raises(Failed, match=r"no longer prod's in epoch 1: this pruner has stopped"):
        site.run(Moves(reads=2))
    assert {key.rpartition("/")[0] + "/" for key in site.store.markers} == {full_folder(2556.5)}


def test_not_to_know_who_holds_the_lease_ends_nothing() -> None:
    site = years()
    site.leases.reachable = False
    with pytest.raises(Unreachable):
        site.run()
    assert site.store.markers == []


@pytest.mark.parametrize("wrong", [timedelta(minutes=6), timedelta(days=-30)], ids=["ahead", "behind"])
def test_a_machine_with_a_wrong_clock_judges_nothing(wrong: timedelta) -> None:
    site = years()
    site.clock = NOW + wrong
    with pytest.raises(Refused, match=r"clock is (6m ahead of|30d behind) S3's"):
        site.run()


def test_a_copy_from_the_future_keeps_its_dataset_from_being_judged() -> None:  # fault 60
    site = years()
    site.full(-3)
    order = site.run()
    assert "is from the future" in order.gaps and order.verdict.prunes == () and site.store.markers == []


def hide_segment_within(site: PruneSite) -> None:
    """One of the day before yesterday."""
    keys = sorted(key for key in site.store.objects if key.startswith(SEGMENTS))
    site.store.hide(keys[-30])


def hide_last_segments(site: PruneSite) -> None:
    for key in sorted(key for key in site.store.objects if key.startswith(SEGMENTS))[-3:]:
        site.store.hide(key)


def hide_newest_full(site: PruneSite) -> None:
    for key in [each for each in site.store.objects if each.startswith(full_folder(0.5))]:
        site.store.hide(key)


def hide_a_manifest(site: PruneSite) -> None:
    site.store.hide(manifest_key(full_folder(300.5)))


def spoil_a_manifest(site: PruneSite) -> None:
    site.store.objects[manifest_key(full_folder(50.5))] = b"{"


def hide_what_is_locked(site: PruneSite) -> None:
    key = full_manifest(50.5).parts[0].key
    site.store.modified[key], site.store.retained[key] = NOW - 5 * DAY, NOW + DAY
    site.store.hide(key)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (hide_segment_within, "which is missing while older log is there"),
        (hide_last_segments, "the pointer of log names postgres/log/segments/"),
        (hide_newest_full, "the pointer of full names"),
        (hide_a_manifest, "its manifest lies under a delete marker"),
        (spoil_a_manifest, "is not valid"),
        (hide_what_is_locked, "hidden, though it is locked"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_somebody_else_hid_or_spoiled_is_told_and_the_rest_of_its_dataset_stays(
    harm: Callable[[PruneSite], None], words: str
) -> None:
    site = years()
    harm(site)
    before = list(site.store.markers)
    order = site.run()
    assert words in order.gaps and site.store.markers == before


def test_a_backup_of_which_somebody_hid_a_part_is_not_ended_for_that() -> None:
    site = years()
    site.store.hide(full_manifest(300.5).parts[0].key)
    order = site.run()
    (kept,) = (each for each in order.verdict.keeps if each.copy.folder == full_folder(300.5))
    assert kept.reason == "within its term of 7y, though not all of it is there"


def test_only_what_is_hidden_and_locked_is_counted() -> None:
    site = years()
    for age in (5.5, 4.5):
        site.full(age)
    young = full_manifest(5.5)
    site.store.hide(young.parts[0].key)
    over = full_manifest(4.5).parts[0].key
    site.store.retained[over] = NOW
    site.store.hide(over)
    site.store.hide(full_manifest(300.5).parts[0].key)  # no lock is that long
    ranged = Range(LINE, place(1), place(1) + 10)
    site.put(ranged.key, b"r", NOW)
    site.store.hide(ranged.key)  # as the shipper does
    (found,) = site.look().hidden
    assert (found.key, found.locked_until) == (young.parts[0].key, young.retain_until)


def test_ranges_that_were_never_put_together_go_with_their_day() -> None:
    """The end of a timeline that a promotion left: nobody writes the rest of its segment."""
    site = PruneSite()
    site.full(0.5)
    stale = Range(LINE, 5, 90)
    site.put(stale.key, b"r", NOW - 91 * DAY)
    assert site.run().verdict.prunes[0].copy.kind == "log" and stale.key not in site.store.objects


def test_a_folder_that_was_never_finished_goes_when_its_lock_is_over() -> None:
    site = PruneSite()
    site.full(0.5)
    folder = site.full(40)
    del site.store.objects[manifest_key(folder)]
    assert [each.reason for each in site.look().verdict.prunes] == ["never finished: no manifest after 40d"]
    newer = site.full(20)
    del site.store.objects[manifest_key(newer)]
    (kept,) = (each for each in site.look().verdict.keeps if each.copy.folder == newer)
    assert kept.reason.startswith("locked until")  # at most as long as the DR site locks


def test_a_backup_that_was_finished_after_all_stays() -> None:
    site = PruneSite()
    site.full(0.5)
    folder = site.full(40)
    late = site.store.objects.pop(manifest_key(folder))
    order = site.look()
    site.store.objects[manifest_key(folder)] = late
    execute(site.store, order, site.leases, "prod")
    assert order.verdict.prunes and site.store.markers == []


def test_production_s_copies_go_once_the_dr_bucket_has_all_of_them() -> None:
    site = PruneSite(site="prod", replicas=FakeBucket("dr"))
    old, new = site.full(9), site.full(1)
    assert site.replicas
    site.replicas.objects = {key: body for key, body in site.store.objects.items() if key.startswith(old)}
    lost = site.replicas.objects.pop(full_manifest(9).parts[0].key)
    assert site.look().verdict.prunes == ()
    site.replicas.objects[full_manifest(9).parts[0].key] = lost
    assert [each.copy.folder for each in site.look().verdict.prunes] == [old]
    site.replicas.reachable = False
    (kept,) = (each for each in site.look().verdict.keeps if each.copy.folder == old)
    assert kept.reason == "the DR bucket could not be asked" and new in {
        each.copy.folder for each in site.look().verdict.keeps
    }


class Faulty(FakeBucket):
    """Hides in `inner` until the third marker, which raises."""

    def __init__(self, inner: FakeBucket, error: DrError, *, good: int = 2) -> None:
        super().__init__()
        self.inner, self.error, self.good = inner, error, good

    def hide(self, key: str) -> None:
        if self.good == 0:
            raise self.error
        self.good -= 1
        self.inner.hide(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        return self.inner.list(prefix, after=after)


@pytest.mark.parametrize(
    ("answer", "raised"), [(Unreachable("S3 failed"), Unreachable), (Refused("S3 does not allow it"), Failed)]
)
def test_a_store_that_fails_half_way_ends_the_run_and_the_next_one_resumes(
    answer: DrError, raised: type[DrError]
) -> None:  # fault 40
    site, whole = years(), years()
    whole.run()
    with pytest.raises(raised, match=answer.what):
        execute(Faulty(site.store, answer), site.look(), site.leases, "prod")
    assert len(site.store.markers) == 2
    site.run()
    assert site.store.objects == whole.store.objects


def test_a_store_that_allows_no_marker_at_all_has_refused() -> None:
    site = years()
    with pytest.raises(Refused, match="does not allow"):
        execute(Faulty(site.store, Refused("S3 does not allow it"), good=0), site.look(), site.leases, "prod")
    assert site.store.markers == []


def test_production_s_logins_end_nothing_in_an_account_of_copies() -> None:
    names = Names(plan(with_account("210987654321")), "123456789012")
    with pytest.raises(Refused, match="are in account 210987654321: no login of account 123456789012 ends one there"):
        require_may_end(names, "dr")
    require_may_end(names, "prod")
    require_may_end(Names(plan(with_account("210987654321")), "210987654321"), "dr")
    site = years()
    execute(site.store, site.look(), None, "dr")
    assert site.look().verdict.prunes == ()


MINUTE = timedelta(minutes=1)


@settings(max_examples=25, phases=[each for each in Phase if each != Phase.explain])
@given(
    fulls=st.lists(st.floats(0, 120).map(lambda age: round(age, 3)), min_size=1, max_size=12, unique=True),
    lost=st.lists(st.integers(0, 479), max_size=2),
    clocks=st.lists(st.sampled_from([-4, 0, 4]), min_size=12, max_size=12),
)
def test_every_moment_of_the_log_s_term_that_could_be_restored_still_can(
    fulls: list[float], lost: list[int], clocks: list[int]
) -> None:
    """By what a restore itself finds in the bucket: a full and the log alone. Each backup's clock is wrong."""
    site = PruneSite()
    for number, (age, minutes) in enumerate(zip(fulls, clocks, strict=False)):
        made = full_manifest(age, run=f"{number:04d}")
        said = made.model_copy(update={"finished": made.finished + minutes * MINUTE})
        for part in made.parts:
            site.put(part.key, b"xxx", made.finished)
        site.put(manifest_key(made.parts[0].key.rpartition("/")[0] + "/"), said.to_json(), made.finished)
    for number in range(480):  # a range for every six hours
        start, end = place(120 - number / 4), place(120 - (number + 1) / 4)
        piece = Gap(LINE, start, end) if number in lost else Range(LINE, start, end)
        site.put(piece.key, b"r", NOW - (120 - (number + 1) / 4) * DAY)
    before = restorable(site)
    site.run()
    assert restorable(site) == before


def restorable(site: PruneSite) -> set[float]:
    """Of the last 90 days' moments those that a restore reaches, in days ago."""
    backups = [each.manifest for each in entries(site.store, "postgres", "full") if each.manifest]
    known = reaches(backups, listed(site.store, "77").log)
    return {age / 3 for age in range(1, 270) if reached(age / 3, known)}


def reached(days_ago: float, known: list[Reach]) -> bool:
    try:
        choose(Target(text="then", position=place(days_ago)), known)
    except (Refused, Corrupt):
        return False
    return True
