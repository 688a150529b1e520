"""Every `dr …` that a page names in code exists, with these subcommands and options."""

import re
from pathlib import Path

import pytest

from scripts.commands import COMMANDS, load
from tests.support.plans import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# In backticks, broken over lines or not, or at the start of a line of a block.
_INLINE, _LINE = re.compile(r"`dr ([a-z][^`]*)`"), re.compile(r"^(?:\$ )?dr ([a-z].*?)(?: #.*)?$", re.MULTILINE)
_WORD = re.compile(r"[a-z][a-z-]*")


def wrong(line: str) -> str:
    """What of `dr LINE` does not exist; empty when all does."""
    first, *words = line.replace("\\|", "|").split()
    if first not in COMMANDS:
        return first
    command = load(first)
    known = getattr(command, "commands", None)
    if known and words and _WORD.fullmatch(words[0]):
        if words[0] not in known:
            return words[0]
        command = known[words[0]]
    elif known:
        return ""  # a group, or several of its commands at once
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    asked = [word.partition("=")[0].rstrip(",;:.)]") for word in words if word.startswith("--")]
    return next((option for option in asked if option not in options), "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_commands_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [" ".join(each.split()) for each in (*_INLINE.findall(text), *_LINE.findall(text))]
    assert [(line, found) for line in lines if (found := wrong(line))] == []
