"""A restore into somebody's claim: what goes on, and what is refused."""

from dataclasses import replace

import pytest

from recovery.copies.claim_restore import Claim, ClaimJob, ended, goes_on, require_claim
from recovery.errors import Failed, Refused
from recovery.site.claim_restore import fits

RUNNING = ClaimJob(asked="2026-11-30T12:00:00Z", to="0/3000148", stage="restoring")
DONE, FAILED = replace(RUNNING, stage="done"), replace(RUNNING, stage="failed", words="  no such bucket")
CLAIM = Claim(name="theirs", bytes=100)


@pytest.mark.parametrize("job", [RUNNING, DONE])
@pytest.mark.parametrize("asked", [None, RUNNING.asked, RUNNING.to])
def test_the_job_that_is_there_goes_on(job: ClaimJob, asked: str | None) -> None:
    assert goes_on(job, asked, "theirs")


def test_where_none_is_or_one_has_failed_anything_may_be_asked_for() -> None:
    assert not goes_on(None, "latest", "theirs") and not goes_on(FAILED, "latest", "theirs")


@pytest.mark.parametrize(("job", "words"), [(RUNNING, "is being filled with"), (DONE, "holds")])
def test_another_point_is_refused(job: ClaimJob, words: str) -> None:
    with pytest.raises(Refused, match=f"claim theirs {words} the database as of 2026-11-30T12:00:00Z"):
        goes_on(job, "latest", "theirs")


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (replace(CLAIM, bytes=99), "the restore needs 100 bytes, claim theirs has 99"),
        (replace(CLAIM, problem="can only be read"), "claim theirs in ultramarket-restore can only be read"),
        (replace(CLAIM, users=("a", "b")), "claim theirs is used by a, b"),
    ],
)
def test_a_claim_that_will_not_do_is_refused(claim: Claim, words: str) -> None:
    require_claim(CLAIM, 100)
    with pytest.raises(Refused, match=words):
        require_claim(claim, 100)


def test_an_end_is_told_with_its_last_words() -> None:
    assert ended(DONE, "theirs") and not ended(RUNNING, "theirs")
    with pytest.raises(Failed, match="failed:\n  no such bucket"):
        ended(FAILED, "theirs")
    with pytest.raises(Failed, match="somebody took its Job away"):
        ended(None, "theirs")


def test_a_job_s_name_has_room_for_its_claim() -> None:
    assert fits("a" * 46) and not fits("a" * 47)
