"""Which options of `dr promote` go together."""

import pytest
import typer

from recovery.errors import Refused
from recovery.failover.restoring import Wish
from scripts.promotion_options import wish_of


def test_nothing_is_wished_for_unless_it_is_said() -> None:
    assert wish_of("", "") is None


@pytest.mark.parametrize("to", ["2026-11-30T12:00:00+05:00", "0/3000148"])
def test_after_corruption_a_time_or_a_position_is_gone_back_to(to: str) -> None:
    assert wish_of("corruption", to) == Wish(to)
    assert Wish(to).command == f"dr promote --after corruption --to {to}"


@pytest.mark.parametrize(
    ("after", "to", "words"),
    [
        ("", "0/3000148", "--to goes with --after"),
        ("flood", "0/3000148", "expected corruption, found 'flood'"),
        ("corruption", "", "--after corruption needs --to"),
        ("corruption", "latest", "a time or an LSN, not latest"),
        ("corruption", "20261122T020000Z-abc", "a time or an LSN, not 20261122T020000Z-abc"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(after: str, to: str, words: str) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        wish_of(after, to)


def test_what_is_no_moment_is_refused() -> None:
    with pytest.raises(Refused, match="has no time zone"):
        wish_of("corruption", "2026-11-30T12:00:00")
