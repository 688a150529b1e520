"""What every file of the command line holds to: it is short, and it has one command at the most."""

import ast
from pathlib import Path

import pytest

from tests.support.plans import ROOT

LONGEST = 100
FILES = sorted((ROOT / "scripts").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_has_at_most_a_hundred_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST, "what is not options, a call and printing belongs elsewhere"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_has_one_command_at_the_most(path: Path) -> None:
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert len([each.name for each in functions if _is_command(each)]) <= 1


def test_the_commands_are_found() -> None:
    found = [path.name for path in FILES for each in ast.parse(path.read_text()).body if _is_command(each)]
    assert {"backup.py", "check_edge.py", "lease_init.py", "name.py", "promote.py"} <= set(found)


def _is_command(node: ast.stmt) -> bool:
    """Whether a parameter of it is an option."""
    if not isinstance(node, ast.FunctionDef):
        return False
    annotations = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
    return any(words.endswith("Option") or "typer." in words for words in annotations)
