"""YAML as plain values with the line of each, and a name for every trap on the way.

Two readers of one text must see one plan. So whatever YAML 1.1, YAML 1.2 and people read differently is refused and
named: `yes` and `on`, octal and sexagesimal numbers, anchors, aliases, merge keys, tags, duplicate keys. Built on the
parser's events, so that an alias is never expanded and depth is bounded.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

Path = tuple[str, ...]

MOST_BYTES = 256 * 1024
_DEEPEST = 20
_MOST_PROBLEMS = 50
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,8})\.[0-9]{1,17}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# They end a line, and a comment with it, for YAML 1.1 alone: editors and git go on in the same one.
HIDDEN_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_NULLS = ("", "~", "null", "Null", "NULL")
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TRAPS = (
    (
        re.compile(r"(?i)(y|yes|n|no|on|off)"),
        "{0} is a truth value in YAML 1.1 and a word in YAML 1.2; put it in quotes, or write true or false",
    ),
    (
        re.compile(r"[-+]?0[0-9_]+"),
        "{0} begins with 0, which makes it octal for some readers; write it without, or in quotes where the "
        "digits are a name",
    ),
    (re.compile(r"[-+]?0[oO][0-7_]+"), "{0} is octal; write the number in decimal"),
    (re.compile(r"[-+]?0[xXbB][0-9a-fA-F_]+"), "{0} is not decimal; write the number in decimal"),
    (re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"), "{0} is a number to base 60 in YAML 1.1; put it in quotes"),
    (re.compile(r"[-+]?[0-9][0-9]*_[0-9_]*"), "{0} has _ in a number; write the digits only"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"), "{0} is a date in YAML; put it in quotes"),
    (re.compile(r"(?i)[-+]?\.(inf|nan)"), "{0} is no number a plan can use"),
)


class NotYaml(Exception):
    """The text cannot be read at all; the message says where and why."""


@dataclass
class Text:
    """What was read. `problems` pair a line with what is wrong there; with any, `value` has holes."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    problems: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def read_yaml(text: str, *, days: bool = False) -> Text:
    """Plain values, lines, traps. With `days`, 2027-01-31 is a `date` and no trap. Raises NotYaml."""
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise NotYaml(f"larger than {MOST_BYTES // 1024} KiB; expected a plan of some 150 lines")
    if hidden := HIDDEN_BREAK.search(text):
        line = text.count("\n", 0, hidden.start()) + 1
        raise NotYaml(f"line {line}: {hidden[0]!a} ends a line for YAML alone; write a plain line break")
    try:
        return _Reader(text, days=days).read()
    except yaml.MarkedYAMLError as error:
        raise NotYaml(_syntax(error, text)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise NotYaml(f"line {line}: a control character or broken encoding; expected plain text") from None
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(f"not YAML: {(str(error).splitlines() or ['unreadable'])[0]}") from None


class _Reader:
    def __init__(self, text: str, *, days: bool) -> None:
        # libyaml's parser is ten times as fast; both give the same events.
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._parser: Any = loader(text)
        self._result = Text()
        self._days = days

    def read(self) -> Text:
        try:
            documents = 0
            while not self._parser.check_event(yaml.StreamEndEvent):
                event: Any = self._parser.get_event()
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._problem(event, (), "a second document begins here (---); expected one")
                        break
                    self._result.value = self._node((), self._parser.get_event())
        finally:
            self._parser.dispose()
        return self._result

    def _node(self, path: Path, event: Any) -> Any:
        line = event.start_mark.line + 1
        self._result.lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, path, f"*{event.anchor} refers to an anchor; write the value itself")
            return None
        if event.anchor:
            self._problem(event, path, f"&{event.anchor} is an anchor; write each value where it belongs")
        if event.tag is not None and event.tag != "!":
            self._problem(event, path, f"a tag, {str(event.tag)[:60]}; write a plain value")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(path, event)

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not self._parser.check_event(yaml.MappingEndEvent):
            event: Any = self._parser.get_event()
            line = event.start_mark.line + 1
            key = "?"
            if isinstance(event, yaml.ScalarEvent):
                key = str(event.value)
                self._key(path, key, event, known=key in result)
            else:
                self._problem(event, path, "a key must be a plain word")
                self._skip(event)
            where = (*path, key)
            self._result.lines[where] = line
            result[key] = self._below(where)
        self._parser.get_event()
        return result

    def _key(self, path: Path, key: str, event: Any, *, known: bool) -> None:
        where = (*path, key)
        if known:
            self._problem(event, where, f"duplicate key, first on line {self._result.lines[where]}")
        elif key == "<<":
            self._problem(event, path, "<< merges another mapping in; write its values here")
        elif event.implicit[0] and (trap := _trap(key)):
            self._problem(event, where, f"the key {trap}")
        if event.anchor or (event.tag is not None and event.tag != "!"):
            self._problem(event, where, "an anchor or a tag at a key; write the plain word")

    def _sequence(self, path: Path) -> list[Any]:
        result: list[Any] = []
        while not self._parser.check_event(yaml.SequenceEndEvent):
            result.append(self._below((*path, str(len(result)))))
        self._parser.get_event()
        return result

    def _below(self, path: Path) -> Any:
        event = self._parser.get_event()
        if len(path) > _DEEPEST:
            self._problem(event, path[:3], f"nested more than {_DEEPEST} levels deep")
            self._skip(event)
            return None
        return self._node(path, event)

    def _skip(self, event: Any) -> None:
        depth = 1 if isinstance(event, yaml.CollectionStartEvent) else 0
        while depth:
            inner = self._parser.get_event()
            depth += isinstance(inner, yaml.CollectionStartEvent) - isinstance(inner, yaml.CollectionEndEvent)

    def _scalar(self, path: Path, event: Any) -> Any:
        text = str(event.value)
        if not event.implicit[0]:  # quoted, or a block
            return text
        if text in _NULLS:
            return None
        if text in _TRUTHS:
            return _TRUTHS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        if self._days and _DAY.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                self._problem(event, path, f"{text} is no day of the calendar")
                return None
        if trap := _trap(text):
            self._problem(event, path, trap)
            return None
        return text

    def _problem(self, event: Any, path: Path, message: str) -> None:
        line = event.start_mark.line + 1
        if len(self._result.problems) < _MOST_PROBLEMS:
            self._result.problems.append((line, f"{dotted(path)}: {message}"))
            # Validation must not say a second time that this value is wrong.
            self._result.lines.setdefault(path, line)


def dotted(path: Path) -> str:
    """`datasets.redis.full`, shortened when somebody wrote a novel for a key."""
    text = ".".join(part if len(part) <= 60 else f"{part[:57]}..." for part in path)
    return "".join(each if each.isprintable() else "?" for each in text) or "the plan"


def _trap(text: str) -> str:
    for pattern, message in _TRAPS:
        if pattern.fullmatch(text):
            return message.format(text if len(text) <= 40 else f"{text[:37]}...")
    return ""


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    """A syntax error in words. `text` tells the usual mistakes from each other."""
    mark: Any = error.problem_mark or error.context_mark
    reason = error.problem or error.context or "cannot be read"
    if mark is None:
        return reason
    number, column = int(mark.line), int(mark.column)
    row = next(iter(text.splitlines()[number : number + 1]), "")
    indent = row[: len(row) - len(row.lstrip())]
    if "\t" in indent or row[column : column + 1] == "\t":
        reason = "a tab; YAML is indented with spaces"
    elif re.search(r":\s+[*&%@`]", row) or re.match(r"\s*-\s+[*&%@`]", row):
        reason = f"{reason}; a value that begins with *, &, %, @ or ` stands in quotes"
    elif re.search(r":\s*\S.*:\s", row):
        reason = f"{reason}; a value with ': ' in it stands in quotes"
    return f"line {number + 1}: {reason}"
