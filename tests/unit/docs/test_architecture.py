"""docs/architecture.md leads to places that exist."""

import re

import pytest

from tests.support.plans import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PATHS = sorted({name for name in re.findall(r"`([\w./-]+)`", PAGE) if "/" in name or name.endswith((".py", ".yaml"))})


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_the_page_exists(path: str) -> None:
    found = ROOT / path
    assert found.is_dir() if path.endswith("/") else found.is_file()


def test_the_table_of_changes_is_long_enough_to_be_one() -> None:
    rows = PAGE[PAGE.index("| I want to change … | go to … |") :].splitlines()[2:]
    assert len([row for row in rows if row.startswith("| ")]) >= 25
    assert len(PATHS) >= 40


def test_the_page_draws_every_room() -> None:
    drawing = PAGE.split("```")[1]
    rooms = [each.name for each in ROOT.iterdir() if (each / "__init__.py").exists()]
    assert [room for room in rooms if f"{room}/" not in drawing] == []
