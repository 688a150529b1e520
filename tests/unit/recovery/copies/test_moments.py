"""Which complete copy a restore takes."""

from datetime import UTC, datetime, timedelta

import pytest

from recovery.copies.moments import require_moment, unreachable, window
from recovery.copies.recovery_target import Target
from recovery.errors import Refused

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)


def test_the_window_says_where_moments_are_furthest_apart() -> None:
    moments = [NOW - n * EVERY for n in range(10)] + [NOW - 20 * EVERY]
    assert window(moments) == (
        "what can be restored: 11 moments from 2026-11-30 10:20:00 UTC to 2026-11-30 12:00:00 UTC\n"
        "  at most 55m apart, before 2026-11-30 11:15:00 UTC"
    )
    assert window(moments[:1]) == "what can be restored: 2026-11-30 12:00:00 UTC"
    assert window([]) == "nothing can be restored: there is no backup"


def test_a_position_of_a_log_is_refused_where_there_is_none() -> None:
    with pytest.raises(Refused, match="is a position in PostgreSQL's log"):
        require_moment(Target.parse("0/3000148"))
    require_moment(Target.parse("latest"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-30T12:00:00Z", "is before the oldest backup that is whole"),
        ("20261130T120000Z-abc", "there is no backup 20261130T120000Z-abc"),
    ],
)
def test_what_cannot_be_reached_is_told_with_the_window(text: str, said: str) -> None:  # fault 55
    refusal = unreachable(Target.parse(text), [NOW])
    assert said in refusal.what and "what can be restored" in refusal.next_step
    assert "there is no backup" in unreachable(Target.parse(text), []).what
