"""What Pulumi's policy SDK hands to a rule: its arguments and its proxies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy.values import UNKNOWN

TABLE = "urn:pulumi:foundation::ultramarket-dr::ultramarket:dr:ControlTable$aws:dynamodb/table:Table::control-table"


class NotKnownYet(Exception):
    """What the SDK raises."""


class Proxy(Mapping[str, Any]):
    """The SDK's mapping: it raises where a value is not known."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        if self._values[key] is UNKNOWN:
            raise NotKnownYet
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class ListProxy(Sequence[Any]):
    """The SDK's list, which is none of Python's."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __getitem__(self, place: Any) -> Any:
        return self._values[place]

    def __len__(self) -> int:
        return len(self._values)


@dataclass
class Options:
    protect: bool = False


@dataclass
class Arguments:
    resource_type: str
    props: Mapping[str, Any]
    urn: str = TABLE
    name: str = "it"
    opts: Options = field(default_factory=Options)
