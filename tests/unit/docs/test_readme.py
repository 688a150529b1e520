"""What the README lists is what the programs say."""

import re
from collections.abc import Iterator

import pytest

from infra.settings.dr import dr_settings
from infra.settings.foundation import foundation_settings
from infra.settings.prod import prod_settings
from recovery.errors import PlanError
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


def test_the_table_of_commands_is_what_help_says(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    _, _, commands = capsys.readouterr().out.partition("Commands:\n")
    helped = re.findall(r"^  ([a-z-]+)  ", commands, re.MULTILINE)
    listed = [cell[0].split()[1].strip("`") for cell in table("| command | what it does |")]
    assert helped and set(listed) == set(helped)


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
