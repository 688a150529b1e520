"""What people and programs see: tables for people, `--json` for programs, errors that end with the next step."""

import json
import os
import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.outermost import ExitWith as ExitWith

# A pipe has no width: there a table is never shortened or wrapped. Rich wants a number all the same.
_PIPE_WIDTH = 10**6
# Prose is wrapped in a pipe too, for whoever reads it later; on a wide terminal long lines are hard to follow.
_PROSE_WIDTH, _NARROWEST = 80, 40
_WIDEST_NOTE = 100
# https://no-color.org: without colours, and as we mean it without any escape code (Rich would keep bold).
_COLOURS = None if os.environ.get("NO_COLOR") else "auto"
console = Console(
    highlight=False, soft_wrap=True, color_system=_COLOURS, width=None if sys.stdout.isatty() else _PIPE_WIDTH
)
errors = Console(stderr=True, highlight=False, soft_wrap=True, color_system=_COLOURS)


def line_width() -> int:
    """For text that is laid out by hand: the terminal's width where that is narrower than a page."""
    return max(_NARROWEST, min(console.width, _PROSE_WIDTH))


def prose(line: str) -> None:
    """A sentence below a table, wrapped; its further lines are set in."""
    width = min(console.width, _WIDEST_NOTE)
    console.print("\n".join(wrap(line, width, subsequent_indent="  ")), markup=False)


def emit_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=1, sort_keys=True, default=str) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table that lines up; plain text, never shortened, in a pipe. The first column names things: never wrapped."""
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        drawn.add_column(column, no_wrap=number == 0)
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    if console.is_terminal:
        console.print(drawn)
        return
    with console.capture() as plain:
        console.print(drawn)
    console.print("\n".join(line.rstrip() for line in plain.get().splitlines()), markup=False)


def say(text: str, style: str = "") -> None:
    """A line for people, on standard error so that `--json` stays clean."""
    errors.print(text, style=style or None, markup=False)
