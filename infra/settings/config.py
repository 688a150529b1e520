"""Reads one stack's configuration, noting every problem instead of stopping at the first."""

import ipaddress
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import get_config, is_config_secret

from recovery.units import shown

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html: a wider range makes a
# bucket policy public, and S3 refuses it.
_WIDEST = {4: 8, 6: 32}
_LONGEST = 1_500
# A key with its namespace, as it stands in a stack's file.
_KEY = re.compile(r"""\s+["']?([\w-]+:\w+)["']?\s*:""")
_DNS = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,}"
_IP = r"\d{1,3}(\.\d{1,3}){3}"
_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_IMAGE = r"[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}"


class Config:
    """Typed access to the keys of `namespace`. Problems gather in `problems`; values read after one are placeholders
    that nobody uses, since settings raise before anything is declared."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.problems: list[str] = []
        self._asked: set[str] = set()

    def text(self, key: str, pattern: str, expected: str, *, default: str | None = None) -> str:
        """A string that matches `pattern` from end to end; `expected` says so in words, with an example."""
        value = self._raw(key)
        if value is None:
            if default is None:
                self._missing(key, expected)
            return default or ""
        if not re.fullmatch(pattern, value, re.ASCII):
            self.wrong(key, expected, value)
        return value

    def number(self, key: str, low: int, high: int, *, default: int | None = None) -> int:
        """A whole number between `low` and `high`."""
        text = self.text(key, r"[0-9]{1,9}", f"a whole number from {low} to {high}", default=str(default or "") or None)
        value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else low
        if not low <= value <= high:
            self.wrong(key, f"a whole number from {low} to {high}", text)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """`true` or `false`."""
        return self.text(key, "true|false", "true or false", default=str(default).lower()) == "true"

    def address(self, key: str, expected: str) -> str:
        """`host:port`, the host a name or an IPv4 address."""
        return self.text(key, rf"({_DNS}|{_IP}):{_PORT}", f"{expected} as host:port")

    def host(self, key: str, expected: str, *, default: str | None = None) -> str:
        """A host name or an IPv4 address."""
        return self.text(key, rf"{_DNS}|{_IP}", expected, default=default)

    def cidr(self, key: str, expected: str) -> str:
        """One CIDR range."""
        value = self.text(key, r"\S+", expected)
        return value if not value or self._network(key, value, expected) else ""

    def dns_name(self, key: str, expected: str) -> str:
        """A host name."""
        return self.text(key, _DNS, expected)

    def image(self, key: str, example: str) -> str:
        """A container image with its digest; a tag can be moved, a digest cannot."""
        return self.text(key, _IMAGE, f"an image with digest such as {example}@sha256:<64 hexadecimal digits>")

    def amount(self, key: str, units: Mapping[str, int], expected: str, *, default: str = "", least: str = "") -> int:
        """A whole number with one of `units`, in the smallest of them; at least `least`."""
        text = self.text(key, rf"[1-9][0-9]{{0,6}}({'|'.join(units)})", expected, default=default or None)
        found = _amount(text, units)
        if 0 < found < _amount(least, units):
            self.wrong(key, f"at least {least}", text)
        return found

    def images(self, key: str, names: list[str]) -> dict[str, str]:
        """One image per name, as an object."""
        found = self._object(key, f"an object with an image for each of {', '.join(names)}")
        for name in names:
            image = found.get(name)
            if not isinstance(image, str) or not re.fullmatch(_IMAGE, image, re.ASCII):
                self.wrong(f"{key}.{name}", "an image with digest: name@sha256:<64 hexadecimal digits>", image)
        for name in found.keys() - set(names):
            self.problems.append(f"{self.namespace}:{key}.{name}: unknown; expected {', '.join(names)}")
        return {name: str(found.get(name, "")) for name in names}

    def texts(self, key: str, pattern: str, expected: str, *, least: int = 1) -> list[str]:
        """A list of strings, each matching `pattern`."""
        if self._raw(key) is None:
            if least:
                self._missing(key, f"a list: {expected}")
            return []
        value = self._json(key)
        if not isinstance(value, list) or len(value) < least:
            self.wrong(key, f"a list of at least {least}: {expected}", value)
            return []
        for number, item in enumerate(value):
            if not isinstance(item, str) or not re.fullmatch(pattern, item, re.ASCII):
                self.wrong(f"{key}[{number}]", expected, item)
        return [str(item) for item in value]

    def ranges(self, key: str, expected: str, *, least: int = 1, public: bool = False) -> list[str]:
        """CIDR ranges. With `public`, none may be so wide that S3 would call the policy public."""
        values = self.texts(key, ".+", expected, least=least)
        for number, value in enumerate(values):
            network = self._network(f"{key}[{number}]", value, expected)
            if network and public and network.prefixlen < _WIDEST[network.version]:
                self.wrong(f"{key}[{number}]", f"a range no wider than /{_WIDEST[network.version]}", value)
        return values

    def mapping(self, key: str, expected: str) -> dict[str, str]:
        """An optional object of strings."""
        if self._raw(key) is None:
            return {}
        return {name: str(value) for name, value in self._object(key, expected).items()}

    def secret(self, key: str, expected: str) -> pulumi.Output[str]:
        """A value set with `--secret`. It never has a committed value."""
        value = self._raw(key)
        command = f"pulumi config set --secret {self.namespace}:{key}"
        if not value:
            self.problems.append(f"{self.namespace}:{key}: missing; {expected}: {command}")
        elif not is_config_secret(f"{self.namespace}:{key}"):
            self.problems.append(f"{self.namespace}:{key}: is stored in plain text; set it as a secret: {command}")
        return pulumi.Output.secret(value or "")

    def given(self, key: str) -> bool:
        """Is there any value for `key`?"""
        return self._raw(key) is not None

    def wrong(self, key: str, expected: str, found: object) -> None:
        """Note that `key` holds `found` where `expected` was needed."""
        self.problems.append(f"{self.namespace}:{key}: expected {expected}, found {shown(found)}")

    def refuse_unknown(self, present: Mapping[str, Any]) -> None:
        """Note every key of the namespace that nobody asked for: most likely a misspelt one."""
        for full in sorted(present):
            namespace, _, key = full.partition(":")
            if namespace == self.namespace and key not in self._asked:
                self.problems.append(f"{full}: unknown key; this stack reads {', '.join(sorted(self._asked))}")

    def _raw(self, key: str) -> str | None:
        self._asked.add(key)
        value = get_config(f"{self.namespace}:{key}")
        return None if value is None else str(value)

    def _json(self, key: str) -> Any:
        """Lists and objects reach the program as JSON; text that is none stays text."""
        value = self._raw(key) or ""
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value

    def _object(self, key: str, expected: str) -> dict[str, Any]:
        if self._raw(key) is None:
            self._missing(key, expected)
            return {}
        value = self._json(key)
        if not isinstance(value, dict):
            self.wrong(key, expected, value)
            return {}
        return value

    def _network(self, key: str, value: str, expected: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        try:
            return ipaddress.ip_network(value)
        except ValueError as error:
            self.wrong(key, f"{expected} ({shown(str(error))})", value)
            return None

    def _missing(self, key: str, expected: str) -> None:
        self.problems.append(f"{self.namespace}:{key}: missing; expected {expected}")


def _amount(text: str, units: Mapping[str, int]) -> int:
    """0 for what is no amount, which has been told."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})([A-Za-z]+)", text, re.ASCII)
    return int(match[1]) * units.get(match[2], 0) if match else 0


def located(problems: list[str], file: Path) -> list[str]:
    """The problems, cut to a readable length, each with the line its key stands on in `file`, if it does."""
    problems = [each if len(each) <= _LONGEST else f"{each[:_LONGEST]}..." for each in problems]
    try:
        rows = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return problems
    lines: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if match := _KEY.match(row):
            lines.setdefault(match[1], number)
    found: list[str] = []
    for problem in problems:
        key = re.split(r": |\.|\[", problem, maxsplit=1)[0]
        found.append(f"{file} line {lines[key]}: {problem}" if key in lines else problem)
    return found
