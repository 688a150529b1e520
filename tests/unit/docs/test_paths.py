"""A source file that a page names is there."""

import re
from pathlib import Path

import pytest

from tests.support.plans import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_ROOMS = "recovery|engines|cloud|operations|scripts|policy|components|infra|lab|tests|tools|bench"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_source_file_of_a_page_exists(page: Path) -> None:
    named = re.findall(rf"`((?:{_ROOMS})/[\w./-]+\.py)`", page.read_text())
    assert [name for name in named if not (ROOT / name).is_file()] == []
