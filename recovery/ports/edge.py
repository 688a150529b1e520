"""Both sites' edges, and what a service says through one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from recovery.plan.plan import SiteName


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What came over HTTP, from whomever. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class ServiceAnswer:
    """What an edge answered for one service; `site` and `epoch` as the service itself says them."""

    status: int
    site: SiteName | None
    epoch: int | None
    database: str | None = None  # "ok" when the service reaches its database
    instead: str = ""  # for people: what came that names no site


@dataclass(frozen=True)
class WriteAnswer:
    """What a write probe learned. "no proof": somebody answered, but not the service in its own words."""

    said: Literal["accepted", "refused", "no proof", "silent"]
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class EdgeSeen:
    """An edge that was reached. Its certificate is good for the public name: `names` is all that it covers, `until`
    when it ends. Without TLS there is none."""

    address: str
    names: tuple[str, ...] = ()
    until: datetime | None = None


class Edge(Protocol):
    """HTTP through one way in: an edge addressed directly, or the public name through one resolver."""

    def ask(self, service: str) -> ServiceAnswer:
        """Raises Refused when the certificate is not good for the public name."""
        ...

    def reach(self) -> EdgeSeen:
        """Connect and nothing more. Raises Unreachable when there is no edge, Refused for a wrong certificate."""
        ...


class OldSite(Protocol):
    """The edge of the site that is being left."""

    def probe_write(self) -> WriteAnswer:
        """What it says to a write that leaves nothing behind. Silence proves nothing."""
        ...
