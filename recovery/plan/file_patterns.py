"""Patterns of files: which ones a copy leaves out, which ones a restore brings back. Pure text.

`*` and `?` stand for what is within one name, `**` for any number of folders. A pattern without `/` is looked for at
any depth, one with it from the root on. What matches a folder matches all that is in it.
"""

import re
from collections.abc import Iterable
from functools import cache


def problem(pattern: str) -> str:
    """What is wrong with it; empty when nothing is."""
    names = pattern.split("/")
    if "" in names:
        return "expected a path within the root without a slash at its beginning or end, such as var/cache or *.tmp"
    if {".", ".."} & set(names):
        return "expected a path within the root, without . and .."
    if not pattern.isprintable():
        return "expected printable characters"
    if all(name in ("*", "**") for name in names):
        return "expected a pattern that leaves something: this one matches every file"
    if any("**" in name and name != "**" for name in names):
        return "expected ** to stand alone between slashes"
    return ""


class Patterns:
    """Several of them; `matched` are those that have matched something."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self.matched: set[str] = set()
        self._any = re.compile("|".join(_expression(each) for each in self._patterns) or r"(?!)", re.DOTALL)

    def match(self, path: str) -> bool:
        """Whether `path`, relative to the root, is matched itself; what lies above it is the caller's to ask."""
        if not self._any.fullmatch(path):
            return False
        self.matched |= {each for each in self._patterns if re.fullmatch(_expression(each), path, re.DOTALL)}
        return True

    def match_within(self, path: str) -> bool:
        """Whether `path` or a folder that it lies in is matched."""
        ends = [number for number, letter in enumerate(path) if letter == "/"] + [len(path)]
        return any(self.match(path[:end]) for end in ends)

    @property
    def idle(self) -> tuple[str, ...]:
        """Those that have matched nothing."""
        return tuple(each for each in self._patterns if each not in self.matched)


@cache
def _expression(pattern: str) -> str:
    names = pattern.split("/")
    parts = ["(?:[^/]+/)*"] if len(names) == 1 else []
    for number, name in enumerate(names):
        last = number == len(names) - 1
        if name == "**":
            parts.append("[^/]+(?:/[^/]+)*" if last else "(?:[^/]+/)*")
            continue
        parts.append("".join({"*": "[^/]*", "?": "[^/]"}.get(each, re.escape(each)) for each in name))
        if not last:
            parts.append("/")
    return "(?:" + "".join(parts) + ")"
