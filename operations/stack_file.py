"""What a stack's file says, for commands that need it before anything is up. Values are written there once."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from recovery.errors import Refused

_NAMESPACE = "ultramarket-dr"
_DNS = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}"
ZONE, PROD_EDGE, DR_EDGE, ACCOUNT = "zoneId", "prodEdge", "drEdge", "account"
_FORMS = {ZONE: r"[A-Z0-9]{6,32}", PROD_EDGE: _DNS, DR_EDGE: _DNS, ACCOUNT: r"\d{12}"}


def read_foundation(path: Path) -> Mapping[str, str]:
    """The keys of foundation's file that say where the public name lies and leads. Raises Refused for all that is
    wrong."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no YAML file"
        raise Refused(
            f"{path} cannot be read: {reason}", next_step="name the foundation stack's file with --stack-file"
        ) from None
    config = content.get("config") if isinstance(content, dict) else None
    values = {key: str((config or {}).get(f"{_NAMESPACE}:{key}", "")) for key in _FORMS}
    wrong = [f"{_NAMESPACE}:{key}" for key, form in _FORMS.items() if not re.fullmatch(form, values[key], re.ASCII)]
    if wrong:
        raise Refused(
            f"{path}: missing or wrong: {', '.join(wrong)}",
            next_step="correct the file; the README has a table of all keys",
        )
    return values
