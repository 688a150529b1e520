"""What an incremental may build on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recovery.copies.chain import Server, chain_of, distrust, usable, why_none, why_not_onto
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from tests.support.manifests import NOON as NOW
from tests.support.manifests import manifest

DAY = timedelta(days=1)
SERVER = Server(version="18.7", system="7", timeline=1, epoch=1)


def made(name: str, parent: str | None = None, **source: object) -> Manifest:
    base = manifest()
    fields = {"system_identifier": "7", "timeline": 1, "epoch": 1, "server_version": "18.7"} | source
    return base.model_copy(
        update={
            "kind": "incremental" if parent else "full",
            "id": name,
            "parent": parent,
            "started": NOW - timedelta(hours=4),
            "source": base.source.model_copy(update=fields),
        }
    )


@pytest.mark.parametrize(
    ("version", "accepted", "trusted"),
    [
        ("18.7", "", True),
        ("18.6", "", False),
        ("18.6", "18.6", True),
        ("18.6", "18.5", False),
        ("17.12", "", True),
        ("17.11", "", False),
        ("19.0", "", True),
        ("16.9", "16.9", False),
        ("15.14", "", False),
        ("unknown", "", False),
    ],
)
def test_versions_are_trusted_from_the_correction_on_or_by_name(version: str, accepted: str, trusted: bool) -> None:
    assert (distrust(version, accepted) == "") is trusted


def test_without_checksums_and_logged_hints_none_is_made() -> None:
    assert "both off" in why_none("18.7", "", hints_are_logged=False)
    assert why_none("18.7", "", hints_are_logged=True) == ""
    assert "stale" in why_none("18.6", "", hints_are_logged=True)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (SERVER, ""),
        (replace(SERVER, system="8"), "of system 7, this is system 8"),
        (replace(SERVER, timeline=2), "of timeline 1, the server is on 2"),
        (replace(SERVER, epoch=2), "before the site took over"),
        (replace(SERVER, version="18.8"), "full was made by PostgreSQL 18.7, the server is 18.8 now"),
    ],
)
def test_a_chain_never_crosses_a_boundary(server: Server, why: str) -> None:
    chain = (made("full"), made("first", "full"))
    said = why_not_onto(chain, server, now=NOW, longest=DAY)
    assert why in said and bool(said) is bool(why)


def test_an_update_is_noticed_anywhere_in_the_chain() -> None:
    chain = (made("full", server_version="18.6"), made("first", "full"))
    assert "full was made by PostgreSQL 18.6" in why_not_onto(chain, SERVER, now=NOW, longest=DAY)


def test_a_full_that_should_have_had_a_successor_is_not_built_on() -> None:
    """Nor would its lock last as long as that of what is built on it."""
    assert why_not_onto((made("full"),), SERVER, now=NOW + DAY, longest=DAY).endswith("one was missed")
    assert why_not_onto((made("full"),), SERVER, now=NOW + 0.8 * DAY, longest=DAY) == ""


def test_a_chain_is_followed_down_to_its_full() -> None:
    known = {each.id: each for each in (made("full"), made("first", "full"), made("second", "first"))}
    found = chain_of(known["second"], lambda child: known.get(child.parent or ""))
    assert [each.id for each in found] == ["full", "first", "second"]


@pytest.mark.parametrize(
    "below",
    [[], [made("first", "first")], [made("first", "full"), made("full", timeline=2)], [made("first", "full")]],
    ids=["missing", "circle", "another timeline", "no full"],
)
def test_a_chain_that_leads_nowhere_is_corrupt(below: list[Manifest]) -> None:
    known = {each.id: each for each in below}
    with pytest.raises(Corrupt, match="second cannot be restored"):
        chain_of(made("second", "first"), lambda child: known.get(child.parent or ""))


def test_a_restore_passes_over_what_cannot_be_trusted_or_is_not_whole() -> None:
    copies = [
        made("full"),
        made("first", "full"),
        made("lost", "gone"),
        made("old", server_version="18.6"),
        made("older", "old", server_version="18.6"),
    ]
    chains, others = usable(copies, "")
    assert list(chains) == ["first"] and list(others) == ["lost", "older"]
    assert "older is not used: incremental backups of PostgreSQL 18.6" in others["older"]
    assert list(usable(copies, "18.6")[0]) == ["first", "older"]
