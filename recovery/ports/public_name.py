"""What moves the public name: the marker and its hosted zone."""

from collections.abc import Mapping
from typing import Any, Protocol


class Marker(Protocol):
    """The object whose presence moves the public name."""

    def present(self) -> bool: ...

    def put(self, run: str, epoch: int) -> None: ...


class HostedZone(Protocol):
    """One hosted zone, as whoever administers it sees it."""

    def name(self) -> str:
        """Without the final dot."""
        ...

    def records(self, name: str) -> list[Mapping[str, Any]]:
        """Every record of `name`, as Route 53 lists them."""
        ...

    def change(self, batch: Mapping[str, Any]) -> str:
        """Make all of the batch or nothing; returns the change's id. Raises Refused, or Ambiguous when the answer was
        lost."""
        ...

    def in_sync(self, change: str) -> bool:
        """Whether all name servers answer by it."""
        ...
