"""Fault 69: the stream is dead and the bucket ahead. What it has is replayed before the standby is promoted, or
somebody says that it need not be."""

from pathlib import Path

import pytest

from recovery.errors import Failed
from recovery.failover.moves import Done, Stop, Wait
from recovery.failover.overrides import UNDRAINED
from recovery.failover.steps import STEPS
from recovery.failover.steps.drain import STEP
from tests.support.promotion import Site, process, standby

WITHOUT = {UNDRAINED: "yes"}


def waits(site: Site) -> list[str]:
    """What the step was waiting for, turn by turn."""
    return [move.why for step, move in site.told if isinstance(move, Wait) and step.name == STEP.name]


def test_the_bucket_is_drained_before_the_promotion(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, drained_a_look=1500)
    done = process(site, tmp_path).history().done[STEP.name]
    assert (done["bucket_ahead_bytes"], done["drained_bytes"]) == (4000, 4000)
    assert site.database.replay_lsn == 5000
    assert STEP.sentence(done) == "4,000 bytes of the log that only the bucket had are replayed"
    assert waits(site)[0] == "4,000 bytes of the log that only the bucket has are not replayed yet"
    assert len(waits(site)) == 3
    steps = [step.name for step, move in site.told if isinstance(move, Done)]
    assert steps.index("fence") < steps.index("drain") < steps.index("postgres")


def test_a_bucket_that_has_nothing_newer_costs_one_look(tmp_path: Path) -> None:
    site = Site(bucket_end=900)
    done = process(site, tmp_path).history().done[STEP.name]
    assert (done["bucket_ahead_bytes"], done["drained_bytes"]) == (0, 0)
    assert waits(site) == []
    assert STEP.sentence(done) == "the bucket had nothing of the log that the standby had not"


def test_a_log_that_ends_within_a_record_is_drained_up_to_that_record(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, torn_from=4900)
    done = process(site, tmp_path).history().done[STEP.name]
    assert (done["bucket_ahead_bytes"], done["drained_bytes"]) == (4000, 3900)
    assert not done["left"]


def test_a_replay_that_somebody_paused_is_resumed_for_it(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, database=standby(replay_paused=True))
    process(site, tmp_path)
    assert site.effects.index("resume") < site.effects.index("promote")
    assert site.database.replay_lsn == 5000


def test_a_bucket_that_cannot_be_read_stops_the_promotion_until_it_can(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, down={"log"})
    with pytest.raises(Failed, match="what the DR bucket has of the log beyond the standby is not known: log does not"):
        process(site, tmp_path)
    assert site.count("promote") == 0
    stopped = next(move for _, move in site.told if isinstance(move, Stop))
    assert f"--{UNDRAINED}" in stopped.next_step and "run `dr promote --execute` again" in stopped.next_step
    site.down.clear()
    done = process(site, tmp_path).history().done[STEP.name]
    assert done["drained_bytes"] == 4000 or site.database.replay_lsn == 5000
    assert site.count("promote") == 1


def test_without_the_bucket_it_goes_on_only_when_somebody_says_so(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, down={"log"}, drained_a_look=0)
    done = process(site, tmp_path, overrides=WITHOUT).history().done[STEP.name]
    assert done["bucket_ahead_bytes"] is None
    assert STEP.sentence(done) == "NOT all that the bucket has of the log was drained: not known: log does not answer"
    assert waits(site) == []


@pytest.mark.parametrize("overrides", [{}, WITHOUT], ids=["refused", "accepted"])
def test_a_hole_is_drained_up_to_and_then_somebody_decides(tmp_path: Path, overrides: dict[str, str]) -> None:
    site = Site(bucket_end=5000, hole=6000)
    said = "a hole: 0/1388 to 0/1770 is missing, and the standby is drained up to it"
    if overrides:
        done = process(site, tmp_path, overrides=overrides).history().done[STEP.name]
        assert said in done["left"]
        assert done["drained_bytes"] == 4000
    else:
        with pytest.raises(Failed, match=said):
            process(site, tmp_path)
        assert site.count("promote") == 0
    assert site.database.replay_lsn == 5000


def test_a_hole_that_a_slow_write_closes_stops_nobody(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, hole=6000)

    def closes() -> None:
        if site.clock > 35:
            site.bucket_end, site.hole = 7000, None

    process(site, tmp_path, check=closes)
    assert site.database.replay_lsn == 7000


@pytest.mark.parametrize("overrides", [{}, WITHOUT], ids=["refused", "accepted"])
def test_a_standby_that_does_not_read_the_bucket_is_said(tmp_path: Path, overrides: dict[str, str]) -> None:
    site = Site(bucket_end=5000, drained_a_look=0)
    if overrides:
        done = process(site, tmp_path, overrides=overrides).history().done[STEP.name]
        assert "does not go on from 0/3E8, and the bucket has the log up to 0/1388" in done["left"]
    else:
        with pytest.raises(Failed, match="does not go on from 0/3E8"):
            process(site, tmp_path)
        assert site.count("promote") == 0
    assert site.clock > 45


def test_what_a_fenced_primary_writes_on_is_not_waited_for(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, drained_a_look=500)

    def writes() -> None:
        if site.clock > 32.5:
            site.bucket_end += 1000

    process(site, tmp_path, check=writes)
    assert site.count("promote") == 1


def test_a_primary_is_left_to_the_next_step(tmp_path: Path) -> None:
    site = Site(bucket_end=5000, database=standby(in_recovery=False), down={"log"})
    with pytest.raises(Failed, match="is a primary already"):
        process(site, tmp_path)


def test_it_has_its_place_between_fence_and_promotion() -> None:
    by_name = {step.name: step for step in STEPS}
    assert by_name["drain"].after == ("fence",)
    assert by_name["postgres"].after == ("drain",)
