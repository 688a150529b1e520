"""One promotion at a time; a dead one does not block the next."""

import os
import socket
from dataclasses import replace

import pytest

from operations.failover.run_lock import Claim, is_dead, own_claim
from recovery.errors import Failed, Refused
from recovery.ports.control_table import RunClaim
from tests.support.promotion import FakeRuns, Site


def test_a_claim_whose_beat_stands_still_is_dead_after_four_beats() -> None:
    site = Site(claim=RunClaim(run="r", holder="elsewhere:1", boot_id="b", beat=7))
    assert site.claim
    assert is_dead(FakeRuns(site), site.claim, clock=lambda: site.clock, sleep=site.sleep)
    assert 4.0 <= site.clock < 4.5


def test_a_claim_whose_beat_moves_is_alive() -> None:
    site = Site(claim=RunClaim(run="r", holder="elsewhere:1", boot_id="b", beat=7))
    seen = site.claim
    assert seen

    def beat(seconds: float) -> None:
        site.sleep(seconds)
        if site.clock > 1:
            site.claim = replace(seen, beat=8)

    assert not is_dead(FakeRuns(site), seen, clock=lambda: site.clock, sleep=beat)


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once() -> None:
    site = Site()
    mine = own_claim("r")
    gone = replace(mine, holder=f"{socket.gethostname()}:4194305")  # above the kernel's largest process id
    assert is_dead(FakeRuns(site), gone, clock=lambda: site.clock, sleep=site.sleep)
    rebooted = replace(mine, boot_id="before the reboot")
    assert is_dead(FakeRuns(site), rebooted, clock=lambda: site.clock, sleep=site.sleep)
    assert site.clock == 0
    assert mine.holder.endswith(f":{os.getpid()}")


def test_the_second_of_two_operators_is_refused_and_the_first_goes_on() -> None:
    runs = FakeRuns(Site())
    first, second = Claim(runs, "one"), Claim(runs, "two")
    first.take(None)
    with pytest.raises(Refused):
        second.take(None)
    first.check()
    first.release()
    assert runs.site.claim is None


def test_a_holder_that_was_thought_dead_notices_and_stops() -> None:
    runs = FakeRuns(Site())
    sleeper = Claim(runs, "one")
    sleeper.take(None)
    runs.site.claim = RunClaim(run="two", holder="elsewhere:1", boot_id="b", beat=0)
    sleeper._thread.join(5)
    with pytest.raises(Failed, match="no longer ours"):
        sleeper.check()
    sleeper.release()
    assert runs.site.claim.run == "two"
