"""Where a MongoDB deployment is in its own counting, and how a dump's positions are written.

A cluster time is a second and a number within it. A dump begins at a mark: a cluster time, and the change stream's
token from which everything later than it can be read. It ends at a cluster time: before that it is no state that ever
was.
https://www.mongodb.com/docs/manual/reference/bson-types/#timestamps
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_TIME = re.compile(r"(\d{1,10})\.(\d{1,10})")


@dataclass(frozen=True, order=True)
class ClusterTime:
    """`increment` counts within the second."""

    seconds: int
    increment: int

    @classmethod
    def parse(cls, text: str) -> "ClusterTime":
        """`1764500000.7`. Raises ValueError for what is none."""
        found = _TIME.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no cluster time")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def at(cls, position: int) -> "ClusterTime":
        """What `position` gave."""
        return cls(position >> 32, position & 0xFFFFFFFF)

    @property
    def position(self) -> int:
        """As one number, which sorts as cluster times do."""
        return (self.seconds << 32) + self.increment

    @property
    def moment(self) -> datetime:
        """The second that it lies in, by the deployment's clock."""
        return datetime.fromtimestamp(self.seconds, UTC)

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.seconds}.{self.increment}"


@dataclass(frozen=True)
class Mark:
    """Everything up to `time` is in the data; whatever came after it can be read from `token` on, which is the change
    stream's `_data`."""

    time: ClusterTime
    token: str


def shown(position: int) -> str:
    """A position for people: the cluster time, and the second that it lies in."""
    time = ClusterTime.at(position)
    return f"{time} ({time.moment:%Y-%m-%d %H:%M:%S} UTC)"
