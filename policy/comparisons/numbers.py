"""Numbers in the spellings of the plan, Kubernetes and AWS, made comparable."""

import re
from datetime import timedelta

from policy.values import Value
from recovery.units import parse_duration_or_permanent

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z]*)")
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_SUFFIX = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_SUFFIX |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTP", 1)}


def number(value: Value) -> float | None:
    """A plain number, also as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
    except OverflowError:  # JSON's whole numbers have no end, and more than a float holds is as good as without
        return float("-inf") if isinstance(value, int) and value < 0 else float("inf")


def share(value: Value) -> float | None:
    """`99.9%` or 0.999."""
    if isinstance(value, str) and value.endswith("%"):
        found = number(value[:-1])
        return None if found is None else found / 100
    return number(value)


def duration(value: Value) -> float | None:
    """Seconds of `30s`, `7d`, `7y`; `permanent` is longer than any."""
    try:
        return parse_duration_or_permanent(value) / timedelta(seconds=1)
    except ValueError:
        return None


def quantity(value: Value) -> float | None:
    """`512Mi`, `500m`, `1`: Kubernetes' quantities."""
    if isinstance(value, int | float):
        return number(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    factor = _SUFFIX.get(match[2]) if match else None
    return float(match[1]) * factor if match and factor is not None else None
