"""Read `recovery.yaml`: text in, a Plan or one PlanError naming every problem out."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recovery.errors import PlanError
from recovery.plan.plan import Plan
from recovery.plan.strict_yaml import MOST_BYTES, NotYaml, Text, dotted, read_yaml
from recovery.units import shown

_MOST_PROBLEMS = 100
_EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "list_type": "expected a list, such as [a, b]",
    "dict_type": "expected a mapping of keys and values",
    "model_type": "expected a mapping of keys and values",
    "model_attributes_type": "expected a mapping of keys and values",
}


def load_plan(path: Path) -> Plan:
    """Read the plan at `path`. Raises PlanError with path, line and what was expected for every problem."""
    advice = "name the plan with --plan"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "no file has such a name"
        raise PlanError(str(path), [f"cannot be read: {reason}"], next_step=advice) from None
    try:
        # A cut through a character at the limit is told as too large, not as broken text.
        text = content.decode("utf-8-sig", errors="replace" if len(content) > MOST_BYTES else "strict")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"line {line}: cannot be read: it is not UTF-8 text"
        raise PlanError(str(path), [problem], next_step=advice) from None
    return parse_plan(text, source=str(path))


def parse_plan(text: str, *, source: str = "recovery.yaml") -> Plan:
    """Parse the plan's text; see `load_plan`."""
    try:
        read = read_yaml(text)
    except NotYaml as error:
        raise PlanError(source, [str(error)]) from None
    if read.value is None and not read.problems:
        raise PlanError(source, ["the file is empty; expected a plan"])
    problems = list(read.problems)
    try:
        plan = Plan.model_validate(read.value)
    except ValidationError as error:
        told = {message.partition(":")[0] for _, message in problems}
        for item in error.errors():
            line, path, message = _word(dict(item), read)
            if path not in told:
                problems.append((line, f"{path}: {message}"))
    else:
        if not problems:
            return plan
    problems = sorted(dict.fromkeys(problems))
    shortened = [f"line {line}: {message}" for line, message in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        shortened.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    raise PlanError(source, shortened)


def _word(item: dict[str, Any], read: Text) -> tuple[int, str, str]:
    """One problem: line, path, what was expected."""
    path = tuple(str(part) for part in item["loc"] if part != "[key]")
    known = next((path[:n] for n in range(len(path), -1, -1) if path[:n] in read.lines), ())
    message = str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    kind, found = str(item["type"]), item["input"]
    if kind == "extra_forbidden":
        message = "unknown key"
    elif kind == "missing":
        message = "missing"
    elif message.endswith(", found None"):
        message = f"{message.removesuffix('None')}nothing"
    elif found is None and kind != "value_error":
        message = f"{_EXPECTED.get(kind, message)}, found nothing"
    elif kind in _EXPECTED:
        message = f"{_EXPECTED[kind]}, found {shown(found)}"
        if kind == "string_type" and isinstance(found, (int, float)):
            message = f"{message}; put it in quotes"
    elif kind.startswith(("string_", "literal_", "greater_", "less_", "too_")):
        message = f"{message}, found {shown(found)}"
    return read.lines.get(known, 1), dotted(path), message
