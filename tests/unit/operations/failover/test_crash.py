"""Killed anywhere, run again: one takeover, one promotion, and the same end."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.failover.journal import Journal
from operations.failover.journal_file import JournalFile
from recovery.failover.moves import Done
from recovery.failover.steps import STEPS
from tests.support.promotion import NOW, PLAN, RUN, Crash, FakeRuns, Site, process, standby


def die_after(site: Site, folder: Path, writes: int) -> bool:
    """Run a process that dies at its n-th write; whether it died."""
    site.fuse = writes
    try:
        process(site, folder)
    except Crash:
        return True
    else:
        return False
    finally:
        site.fuse = None


def assert_promoted(site: Site) -> None:
    """The one right end."""
    assert site.lease is not None
    assert (site.lease.site, site.lease.epoch, site.lease.state, site.lease.holder_run) == ("dr", 2, "held", RUN)
    assert not site.database.in_recovery
    assert site.database.timeline == 2
    assert site.site_row == ("dr", 2)
    assert site.marker
    assert site.replicas == {name: service.full for name, service in PLAN.services.items()}
    assert site.count("take") == 1
    assert site.count("promote") == 1
    assert not site.redis.replica and site.redis_kept
    assert site.count("promote redis") == 1
    assert site.count("announce to redis") >= 1


def points(part: int, parts: int) -> Iterator[int]:
    """Every point at which a run can die, this part's share of them; the caller breaks off when none is left."""
    return itertools.count(part, parts)


@pytest.mark.parametrize("part", range(4))
def test_promotion_killed_at_any_point_resumes_and_does_nothing_twice(tmp_path: Path, part: int) -> None:
    survived = 0
    for number in points(part, 4):
        site = Site(database=standby(replay_paused=True))
        if not die_after(site, tmp_path / str(number), number):
            break
        journal = process(site, tmp_path / str(number))
        assert_promoted(site)
        done = [entry.step for entry in journal.entries if entry.kind == "done"]
        assert sorted(done) == sorted(step.name for step in STEPS)
        survived += 1
    assert survived > 20


def test_whatever_the_operator_was_told_is_done_is_in_the_journal(tmp_path: Path) -> None:
    said = 0
    for number in points(0, 1):
        site, folder = Site(), tmp_path / str(number)
        if not die_after(site, folder, number):
            break
        told = {move.step for _, move in site.told if isinstance(move, Done)}
        file = JournalFile(folder, RUN)
        journal = Journal(file, FakeRuns(site), RUN, lambda: NOW)
        journal.open()
        assert told <= journal.history().done.keys()
        file.close()
        said += len(told)
    assert said > 20


def test_promotion_killed_again_and_again_gets_to_its_end(tmp_path: Path) -> None:
    site, lives = Site(), 0
    while die_after(site, tmp_path, 14):
        lives += 1
        assert lives < 100, "no life gets further than the one before"
    assert lives > 5
    assert_promoted(site)


def test_promotion_resumes_on_another_machine_from_the_control_table_alone(tmp_path: Path) -> None:
    for number in points(1, 4):
        site = Site()
        if not die_after(site, tmp_path / f"first-{number}", number):
            break
        process(site, tmp_path / f"second-{number}")
        assert_promoted(site)


def test_a_finished_promotion_does_nothing_when_run_again(tmp_path: Path) -> None:
    site = Site()
    process(site, tmp_path)
    before = list(site.effects)
    process(site, tmp_path)
    assert site.effects == before


def test_two_processes_of_one_run_cannot_both_write_its_journal(tmp_path: Path) -> None:
    # The first was suspended and thought dead; the second, on another machine, finished the run.
    from datetime import timedelta

    from recovery.errors import Failed

    site = Site()
    die_after(site, tmp_path / "first", 12)
    sleeper = Journal(JournalFile(tmp_path / "first", RUN), FakeRuns(site), RUN, lambda: NOW + timedelta(hours=1))
    sleeper.open()
    process(site, tmp_path / "second")
    with pytest.raises(Failed, match="somebody else writes the journal"):
        sleeper.write("intent", "postgres", {"verb": "promote"})
