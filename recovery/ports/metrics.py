"""Where findings are published."""

from collections.abc import Mapping
from typing import Protocol


class MetricSink(Protocol):
    """Where levels of findings are published, in one region."""

    @property
    def region(self) -> str:
        """Of the metrics, and of the alarms on them."""
        ...

    def put(self, levels: Mapping[str, int]) -> None:
        """One value for each name. Raises Unreachable."""
