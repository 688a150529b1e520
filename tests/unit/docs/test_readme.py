"""What the README lists is what the programs say."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.settings.dr import dr_settings
from infra.settings.foundation import foundation_settings
from infra.settings.prod import prod_settings
from recovery.errors import PlanError
from scripts.commands import COMMANDS, load
from scripts.dr import main
from tests.support.plans import ROOT
from tests.support.project import current_stack
from tests.support.stacks import configure

README = (ROOT / "README.md").read_text()
READERS = {"foundation": foundation_settings, "prod": prod_settings, "dr": dr_settings}


def table(heading: str) -> list[list[str]]:
    """Rows of the table with this heading, as cells."""
    lines = README[README.index(heading) :].splitlines()[2:]
    rows: list[list[str]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def commands() -> dict[str, Any]:
    """Every command by its words: `lease init`."""
    found: dict[str, Any] = {}
    for name in COMMANDS:
        command = load(name)
        below = getattr(command, "commands", {})
        found |= {f"{name} {each}": below[each] for each in below} or {name: command}
    return found


def listed_commands() -> list[tuple[tuple[str, ...], str]]:
    """Of each row of the table the commands that it names, `dr lease init|show` two of them, and all of its text."""
    rows: list[tuple[tuple[str, ...], str]] = []
    for first, meaning in table("| command | what it does |"):
        name, *more = first.strip("`").replace("\\|", "|").split()[1:]
        group = hasattr(load(name), "commands")
        rows.append((tuple(f"{name} {each}" for each in more[0].split("|")) if group else (name,), first + meaning))
    return rows


def test_the_table_of_commands_has_each_once_with_its_subcommands() -> None:
    listed = [each for names, _ in listed_commands() for each in names]
    assert sorted(listed) == sorted(commands())


def test_an_option_in_the_table_is_one_of_the_command_s() -> None:
    known = commands()
    for names, text in listed_commands():
        options = {each for name in names for option in known[name].params for each in option.opts}
        assert set(re.findall(r"--[a-z-]+", text)) <= options, names


def test_the_help_of_dr_says_of_each_command_what_its_own_help_begins_with(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    _, _, shown = capsys.readouterr().out.partition("Commands:\n")
    assert re.findall(r"^  ([a-z-]+) +(.+)$", shown, re.MULTILINE) == list(COMMANDS.items())
    for name, words in COMMANDS.items():
        assert (load(name).help or "").strip().startswith(words), name


@pytest.fixture(params=READERS)
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with current_stack(monkeypatch, request.param):
        yield request.param


def test_the_table_of_configuration_keys_is_what_the_settings_read(stack: str) -> None:
    configure(stack, {"nonsense": "1"})
    with pytest.raises(PlanError) as refused:
        READERS[stack]()
    (problem,) = refused.value.problems
    read = set(problem.partition("this stack reads ")[2].split(", "))

    listed: set[str] = set()
    of = ""
    for first, keys, _ in table("| stack | key | meaning |"):
        of = first or of
        if of in (stack, "all"):
            listed |= set(re.findall(r"`(\w+)`", keys))
    assert read and listed == read
