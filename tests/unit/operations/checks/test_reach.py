"""`dr check account` beside AWS: what cannot be asked from here is unknown, or judged by what was kept."""

from datetime import timedelta

import pytest

from operations.checks import reach
from operations.checks.service import Target
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding
from recovery.errors import Refused, Unreachable
from recovery.failover.bundle import Bundle
from recovery.lease.wall import WallCheck
from tests.support.promotion import NOW, FakeWalls, Site, bundle, walls

NOBODY = "127.0.0.1:1"


def found(kept: WallCheck | None) -> dict[str, Finding]:
    """With a bundle whose addresses are nobody's."""
    site = Site()
    site.walls["prod"] = kept
    places = bundle().endpoints.model_copy(update={"standby": NOBODY, "prod_edge": NOBODY, "dr_edge": NOBODY})
    made: Bundle = bundle().model_copy(update={"endpoints": places})
    checked = reach.check(lambda: made, FakeWalls(site), database="", resolver="127.0.0.1", now=NOW)
    return {each.name: each for each in checked}


HELD = walls()["prod"]
assert HELD


@pytest.mark.parametrize(
    ("kept", "level", "words"),
    [
        (HELD, OK, "--database does not name it"),
        (None, UNKNOWN, "never checked"),
        (WallCheck(**{**vars(HELD), "at": NOW - timedelta(days=3)}), WARNING, "last checked 3d ago"),
        (WallCheck(**{**vars(HELD), "holds": False}), CRITICAL, "LET THE APPLICATION IN"),
    ],
)
def test_a_wall_that_cannot_be_tried_from_here_is_judged_by_its_last_check(
    kept: WallCheck | None, level: int, words: str
) -> None:
    levels = found(kept)
    assert (levels["wall prod"].level, words in levels["wall prod"].words) == (level, True)
    assert "Connection refused" in levels["wall dr"].words  # the standby was tried, and what was kept holds
    assert {levels[f"{kind} {site}"].level for kind in ("edge", "contract") for site in ("prod", "dr")} == {UNKNOWN}


@pytest.mark.parametrize(("holds", "level"), [(True, OK), (False, CRITICAL)])
def test_a_wall_that_can_be_tried_from_here_is_judged_by_what_it_says(
    monkeypatch: pytest.MonkeyPatch, holds: bool, level: int
) -> None:
    monkeypatch.setattr("operations.checks.wall.knock", lambda *_, **__: (holds, "its words"))
    finding = found(None)["wall dr"]
    assert (finding.level, "its words" in finding.words) == (level, True)


def test_each_site_s_own_edge_is_asked_for_the_contract_by_tls_on_443_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool, str]] = []

    def nobody(wanted: Target, _resolver: object, site: str, _services: object) -> None:
        asked.append((wanted.address, wanted.tls, site))
        raise Unreachable("nobody")

    monkeypatch.setattr("operations.checks.service.check", nobody)
    places = bundle().endpoints.model_copy(
        update={"standby": NOBODY, "prod_edge": "127.0.0.1:443", "dr_edge": "127.0.0.1:1"}
    )
    made: Bundle = bundle().model_copy(update={"endpoints": places})
    assert [*reach.check(lambda: made, FakeWalls(Site()), database="", resolver="127.0.0.1", now=NOW)]
    assert asked == [("127.0.0.1:443", True, "prod"), ("127.0.0.1:1", False, "dr")]


def test_without_a_bundle_each_part_is_unknown_with_the_same_next_step() -> None:
    def missing() -> Bundle:
        raise Refused("no bundle there", next_step="pulumi up")

    levels = [*reach.check(missing, FakeWalls(Site()), database="", resolver="", now=NOW)]
    assert [each.level for each in levels] == [UNKNOWN] * 6
    assert {each.next_step for each in levels} == {"pulumi up"}
