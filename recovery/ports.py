"""What the rules and scripts need from outside systems, one narrow Protocol each. Implementations are in `cloud` and
`engines`; small fakes for unit tests in `tests/fakes.py`. Whatever does not answer raises `Unreachable`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from recovery.lease import Heartbeat, Lease
from recovery.plan import SiteName


class LeaseStore(Protocol):
    """The control table's lease item. Reads are strongly consistent; one conditional update per change."""

    def read(self) -> Lease | None:
        """The item, or None before `dr lease init`."""
        ...

    def create(self, lease: Lease) -> None:
        """Write the first item. Raises LeaseRefused when there is one."""
        ...

    def renew(self, lease: Lease, *, boot_id: str, heartbeat: Heartbeat | None) -> Lease:
        """Renew under the condition that site, epoch and state are still `lease`'s. Raises LeaseRefused when they are
        not; Unreachable when neither replica answered in time."""
        ...

    def take(self, seen: Lease, taken: Lease) -> Lease:
        """Replace `seen` by `taken` if the epoch is still the one seen; returns the old item (ReturnValues=ALL_OLD).
        Raises LeaseRefused when it moved, Ambiguous when the answer was lost."""
        ...

    def hold(self, epoch: int, run: str) -> Lease:
        """taken → held, by the run that took it; idempotent. Raises LeaseRefused when the lease is another's."""
        ...

    def record_fenced(self, epoch: int) -> None:
        """Said by the old holder's guard after it closed: fenced_epoch = epoch, if epoch is still current."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunClaim:
    """Who is promoting: one run at a time. `beat` grows while the holder lives."""

    run: str
    holder: str  # host:pid
    boot_id: str  # of the holder's machine
    beat: int


class RunStore(Protocol):
    """Journal and single-runner lock in the control table."""

    def claim(self) -> RunClaim | None: ...

    def put_claim(self, claim: RunClaim, *, seen: RunClaim | None) -> None:
        """Write the claim if it is still the one seen. Raises Refused naming the other holder."""
        ...

    def release(self, claim: RunClaim) -> None: ...

    def append(self, run: str, number: int, entry: dict[str, Any]) -> None:
        """Entry `number` of a run, once; writing the same again is fine, another content raises Refused."""
        ...

    def entries(self, run: str) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """What S3 holds under a key."""

    key: str
    bytes: int
    etag: str
    modified: datetime


class ObjectStore(Protocol):
    """One bucket."""

    bucket: str

    def put_stream(self, key: str, chunks: Iterable[bytes], *, retain_until: datetime | None) -> None:
        """Multipart upload; aborted when the iterator raises, and then nothing is stored."""
        ...

    def put_once(self, key: str, body: bytes, *, retain_until: datetime | None) -> None:
        """Write under If-None-Match. Raises Refused when the key exists."""
        ...

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag, None when absent."""
        ...

    def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """Write if the ETag is still the one seen (None: absent); False when somebody else was faster."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """Content in chunks. Raises Corrupt when the key is absent."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]: ...


@dataclass(frozen=True, kw_only=True)
class StandbyState:
    """A PostgreSQL server as a promotion sees it. Positions are bytes of WAL."""

    in_recovery: bool
    system_identifier: str
    timeline: int
    receive_lsn: int
    replay_lsn: int
    replay_paused: bool
    streaming: bool
    last_replayed_at: datetime | None  # commit time of the last replayed transaction, the primary's clock
    server_version: str
    client_connection_check: bool


class StandbyDatabase(Protocol):
    """The DR site's PostgreSQL."""

    def state(self) -> StandbyState: ...

    def promote(self) -> None:
        """Ask for promotion; returns at once. Idempotent: a primary stays one."""
        ...

    def resume_replay(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class DeploymentState:
    """Replicas of one Deployment and why any are missing."""

    name: str
    wanted: int
    ready: int
    problems: tuple[str, ...]


class Cluster(Protocol):
    """The DR cluster, in one namespace."""

    def identity(self) -> dict[str, str]:
        """Annotations of the namespace that say which site this is."""
        ...

    def deployments(self) -> dict[str, DeploymentState]: ...

    def scale(self, name: str, replicas: int) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ServiceAnswer:
    """What an edge answered for one service; `site` and `epoch` as the service itself says them."""

    status: int
    site: SiteName | None
    epoch: int | None
    database: str | None = None  # "ok" when the service reaches its database


class Edge(Protocol):
    """HTTP through one way in: an edge addressed directly, or the public name through one resolver."""

    def ask(self, service: str) -> ServiceAnswer: ...


class OldSite(Protocol):
    """The edge of the site that is being left."""

    def accepts_write(self, run: str) -> bool | None:
        """Whether it acknowledged a write just now; None when nobody answered, which proves nothing."""
        ...


class WriteGate(Protocol):
    """The DR site's primary as the application reaches it: through the gate."""

    def announce(self, epoch: int, run: str) -> None:
        """Write site and epoch where the services read them, and a probe row; returns after the commit. Raises
        Unreachable while the gate is closed, Failed when the database does not accept writes."""
        ...


class Marker(Protocol):
    """The object whose presence moves the public name."""

    def present(self) -> bool: ...

    def put(self, run: str, epoch: int) -> None: ...
