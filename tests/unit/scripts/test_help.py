"""`dr --help` and the help of every command: whole lines, examples that can be pasted, nothing loaded for nothing."""

import importlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.commands import COMMANDS, load
from tests.support.command_line import dr, dr_here, environment
from tests.support.plans import ROOT

HEAVY = ("boto3", "botocore", "psycopg", "kubernetes", "pydantic", "rich", "yaml", "dns", "pymongo", "bson")
CHECKS = ("account", "copy", "destroy", "edge", "service", "wall")
EVERY = [
    *([name] for name in COMMANDS),
    ["lease", "init"],
    ["lease", "show"],
    ["name", "adopt"],
    *(["check", each] for each in CHECKS),
]
GROUPS = (["lease"], ["check"], ["name"])  # their commands have examples


def test_help_loads_no_command_and_no_sdk() -> None:
    code = (
        "import json, sys; from scripts.dr import main\n"
        "try: main(['--help'])\n"
        "finally: print(json.dumps([*sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "typer" in loaded
    assert [name for name in [*HEAVY, *(f"scripts.{each}" for each in COMMANDS)] if name in loaded] == []


def test_help_shows_every_command_with_its_whole_short_help() -> None:
    lines = dr("--help").stdout.decode().splitlines()
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[lines.index("Commands:") + 1 :]}
    assert shown == COMMANDS
    assert [text for text in COMMANDS.values() if len(text) > 50] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_table_by_the_name_of_its_module_and_the_first_sentence_of_its_help(name: str) -> None:
    assert importlib.import_module(f"scripts.{name.replace('-', '_')}")
    assert load(name).help.splitlines()[0] == COMMANDS[name]


def test_every_module_with_a_command_is_in_the_table() -> None:
    with_command = {
        path.stem
        for path in (ROOT / "scripts").glob("*.py")
        if f"\ndef {path.stem}(" in (text := path.read_text()) or "\napp = typer.Typer(" in text
    }
    assert with_command == {name.replace("-", "_") for name in COMMANDS}


def command_of(words: list[str]) -> Any:
    tree = load(words[0])
    for name in words[1:]:
        tree = tree.get_command(None, name)
    return tree


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_examples_stand_on_lines_of_their_own_and_are_accepted(words: list[str], columns: int) -> None:
    command = command_of(words)
    lines = command.get_help(command.context_class(command, info_name="dr", terminal_width=columns)).splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    if words in GROUPS:
        return
    begin = next(number for number, line in enumerate(lines) if line.strip() in ("Example:", "Examples:"))
    end = next(number for number, line in enumerate(lines) if line.startswith(("Options:", "Arguments:")))
    examples = [shlex.split(line.rpartition("|")[2]) for line in lines[begin + 1 : end] if line.strip()]
    assert examples
    for example in examples:
        typed = example[example.index("dr") :]
        assert typed[: 1 + len(words)] == ["dr", *words]
        command.make_context("dr", typed[1 + len(words) :])  # raises for what does not exist


@pytest.mark.parametrize("words", [["status"], *(["check", each] for each in CHECKS)], ids=" ".join)
def test_a_monitor_s_help_has_the_one_convention_and_what_cannot_be_asked_is_unknown(words: list[str]) -> None:
    codes = " ".join(command_of(words).help.split()).partition("Exit codes: 0 ")[2]
    assert ", 2 " in codes and ", 3 " in codes
    url = ["https://not/an/edge"] if words[-1] == "service" else []
    plan = [] if url else ["--into", "no-such-folder"] if words[-1] == "copy" else ["--plan", "no-such-plan.yaml"]
    assert dr_here(*words, *url, *plan) == 3
    assert dr_here(*words, "--no-such-option") == 64


def test_an_unknown_command_is_a_usage_error_with_the_nearest_name() -> None:
    done = dr("statsu")
    assert done.returncode == 64
    assert b"status" in done.stderr


def test_the_program_is_installed_beside_this_python() -> None:
    assert os.access(Path(sys.executable).with_name("dr"), os.X_OK)
