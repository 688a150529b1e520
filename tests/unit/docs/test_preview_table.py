"""Every row of docs/previews.md can be pointed at."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"
_ROW = re.compile(r"^\| (?P<what>.*) \| (?P<stacks>[a-z, ]+) \| (?P<names>`.*`) \|$", re.MULTILINE)
ROWS = [(row["stacks"], row["names"]) for row in _ROW.finditer((DOCS / "previews.md").read_text())]


def test_the_table_is_read_whole() -> None:
    assert len(ROWS) == (DOCS / "previews.md").read_text().count("\n| ") - 1  # less the heading


@pytest.mark.parametrize(("stacks", "names"), ROWS)
def test_a_row_names_what_its_preview_shows(stacks: str, names: str) -> None:
    for stack in stacks.split(", "):
        preview = (DOCS / f"preview-{stack}.txt").read_text()
        assert [name for name in re.findall(r"`(.+?)`", names) if name not in preview] == []
