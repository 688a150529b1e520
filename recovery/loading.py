"""Read `recovery.yaml`: YAML with line numbers in, a Plan or one PlanError naming every problem out."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from recovery.errors import PlanError
from recovery.plan import Plan

_TOO_DEEP = 50


def load_plan(path: Path) -> Plan:
    """Read the plan at `path`. Raises PlanError with path, line and what was expected for every problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(str(path), [f"cannot be read: {reason}"], next_step="name the plan with --plan") from None
    return parse_plan(text, source=str(path))


def parse_plan(text: str, *, source: str = "recovery.yaml") -> Plan:
    """Parse the plan's text; see `load_plan`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise PlanError(source, [f"{where}{error.problem or error.context}"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise PlanError(source, [f"not YAML: {reason}"]) from None
    if root is None:
        raise PlanError(source, ["the file is empty; expected a plan"])
    lines: dict[tuple[str, ...], int] = {}
    problems: list[str] = []
    value = _plain(root, (), lines, problems)
    if not problems:
        try:
            return Plan.model_validate(value)
        except ValidationError as error:
            problems = [_word(dict(item), lines) for item in error.errors()]
    raise PlanError(source, problems)


def _plain(node: yaml.Node, path: tuple[str, ...], lines: dict[tuple[str, ...], int], problems: list[str]) -> Any:
    """Plain values out of YAML nodes, noting the line of every path and every duplicate key."""
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if len(path) > _TOO_DEEP:
        problems.append(f"line {line}: nested more than {_TOO_DEEP} levels deep")
        return None
    if isinstance(node, yaml.MappingNode):
        result: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            where = (*path, key)
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(f"line {key_line}: a key must be a plain word")
            elif key in result:
                problems.append(f"line {key_line}: {'.'.join(where)}: duplicate key, first on line {lines[where]}")
            lines[where] = key_line
            result[key] = _plain(value_node, where, lines, problems)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, str(i)), lines, problems) for i, item in enumerate(node.value)]
    try:
        loader: Any = yaml.SafeLoader("")  # its methods have no types
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        problems.append(f"line {line}: {'.'.join(path)}: {str(error).splitlines()[0]}")
        return None


def _word(item: dict[str, Any], lines: dict[tuple[str, ...], int]) -> str:
    """One problem: line, path, what was expected."""
    path = tuple(str(part) for part in item["loc"] if part != "[key]")
    known = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in lines), ())
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        message = "unknown key"
    elif item["type"] == "missing":
        message = "missing"
    return f"line {lines.get(known, 1)}: {'.'.join(path) or 'the plan'}: {message}"
