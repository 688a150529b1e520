"""What the rules and scripts need from outside systems, one narrow Protocol each. Implementations are in `cloud` and
`engines`; small fakes for unit tests in `tests/support/fakes.py`. Whatever does not answer raises `Unreachable`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from recovery.lease.backup_runs import RunReport
from recovery.lease.guard_report import GuardReport
from recovery.lease.lease import Heartbeat, Lease
from recovery.lease.wall import WallCheck
from recovery.plan.plan import SiteName


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
        not; Unreachable when neither replica answered in time. The first heartbeat that names a system identifier
        records it in the lease; later ones do not change it."""
        ...

    def record_system(self, system: str, *, seen: str) -> Lease:
        """Let the lease say that production's PostgreSQL is `system`, if it says `seen` now (empty: nothing). Raises
        LeaseRefused when it says something else."""
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


class GuardReports(Protocol):
    """What the guards say of themselves, one item a site."""

    def write(self, report: GuardReport) -> None:
        """Raises Refused when a younger guard of the same site has reported."""
        ...

    def read(self, site: SiteName) -> GuardReport | None:
        """Strongly consistent; None when that guard never reported."""


class WallStore(Protocol):
    """The last check of each site's wall, in the control table."""

    def wall(self, site: SiteName) -> WallCheck | None:
        """None when it was never checked. Raises Unreachable."""
        ...

    def record(self, check: WallCheck) -> None:
        """Keep it, unless a later one is there. Raises Unreachable."""
        ...


class RunReports(Protocol):
    """What each site's scheduled backups did, in the control table."""

    def read(self, site: SiteName, dataset: str, kind: str) -> RunReport | None:
        """None before the first run. Raises Unreachable."""
        ...

    def add(self, run: RunReport) -> None:
        """Count it. Raises Unreachable."""
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
    """What S3 holds under a key. `storage` is S3's name for its class."""

    key: str
    bytes: int
    etag: str
    modified: datetime
    storage: str = "STANDARD"


@dataclass(frozen=True, kw_only=True)
class UnfinishedUpload:
    """A multipart upload that was begun and neither completed nor aborted: it is no object, but its parts are kept."""

    key: str
    started: datetime


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

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """In key order; only keys beyond `after`."""
        ...

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """Uploads under `prefix` that are running, or that were left open when their process was killed."""
        ...


class RestoreBucket(ObjectStore, Protocol):
    """The bucket that a restore reads, with what lies in its archive classes."""

    def retrieval(self, key: str) -> Literal["none", "running", "done"]:
        """Whether a readable copy of an archived object was asked for, and is there."""
        ...

    def retrieve(self, key: str, *, days: int) -> None:
        """Ask for a readable copy that stays for `days`; the object itself stays what it is. Asking again is fine."""
        ...


class LogBucket(ObjectStore, Protocol):
    """The bucket that a log is written into, piece by piece."""

    def lock(self, key: str, until: datetime) -> None:
        """Let nobody end the object before `until`; a lock that is there already is never shortened."""
        ...

    def hide(self, key: str) -> None:
        """Place a delete marker; nothing is destroyed."""
        ...


@dataclass(frozen=True, kw_only=True)
class HiddenObject:
    """The newest version of an object under a delete marker: when it was written, and when somebody hid it."""

    key: str
    version: str
    modified: datetime
    hidden: datetime


class PruneBucket(ObjectStore, Protocol):
    """The bucket whose copies end."""

    def hide(self, key: str) -> None:
        """Place a delete marker; nothing is destroyed."""
        ...

    def hidden(self, prefix: str) -> Iterator[HiddenObject]:
        """What lies under a delete marker and has not been removed for good yet."""
        ...

    def locked_until(self, key: str, version: str) -> datetime | None:
        """When the lock of a version ends; None when it has none, or has gone."""
        ...

    def time(self) -> datetime:
        """The store's own clock."""
        ...


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


@dataclass(frozen=True, kw_only=True)
class PromoterRights:
    """What the promoter's login may do at the standby. `update_site`, `insert_probe`: None when there is no table."""

    login: str
    promote: bool
    resume_replay: bool
    update_site: bool | None
    insert_probe: bool | None
    site_rows: int
    read_only: bool  # default_transaction_read_only for this login


@dataclass(frozen=True, kw_only=True)
class CollationChange:
    """A database whose text was sorted by another version of its collation than this server's; None: it has none, or
    says none. `indexes` that sort text: those of the database that was asked; None for another."""

    database: str
    recorded: str | None
    actual: str | None
    indexes: tuple[str, ...] | None


class StandbyDatabase(Protocol):
    """The DR site's PostgreSQL."""

    def state(self) -> StandbyState: ...

    def collation_changes(self) -> tuple[CollationChange, ...]: ...

    def bytes_used(self) -> int:
        """What it has on its disk: tablespaces and WAL."""
        ...

    def rights(self) -> PromoterRights: ...

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


@dataclass(frozen=True, kw_only=True)
class Room:
    """What Pods ask for, or what is free for them: CPU in thousandths of a core, memory in MiB, Pods."""

    millicores: int
    mebibytes: int
    pods: int


@dataclass(frozen=True, kw_only=True)
class ClusterRoom:
    """What is `free` on every node that takes new Pods, and why the others are `closed`. By Deployment: how many of its
    Pods are `placed` on those nodes, and what one of them asks for."""

    free: Mapping[str, Room]
    closed: Mapping[str, str]
    placed: Mapping[str, int]
    sizes: Mapping[str, Room]


@dataclass(frozen=True, kw_only=True)
class GuardState:
    """The guard beside the DR site's database, as its cluster sees it, and why it does not run."""

    running: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedJob:
    """A Job that its cluster has given up, and when."""

    name: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ScheduledJobs:
    """A CronJob: since when a Job of it is running, when one succeeded last, and the last one that failed."""

    name: str
    since: datetime  # of its own, UTC
    schedule: str
    suspended: bool
    running_since: datetime | None
    succeeded: datetime | None
    failed: FailedJob | None


class Cluster(Protocol):
    """The DR cluster, in one namespace."""

    def server(self) -> str:
        """The API server that the kubeconfig names. Raises Refused."""
        ...

    def identity(self) -> dict[str, str]:
        """Annotations of the namespace that say which site this is."""
        ...

    def deployments(self) -> dict[str, DeploymentState]: ...

    def room(self) -> ClusterRoom:
        """What the nodes have left for Pods, whatever already runs on them."""
        ...

    def scheduled_jobs(self) -> tuple[ScheduledJobs, ...]:
        """Every CronJob, and what became of its Jobs."""
        ...

    def disk_bytes(self, claim: str) -> int:
        """The size of a claim's volume."""
        ...

    def guard(self) -> GuardState | None:
        """None when no Pod has a guard in it."""
        ...

    def scale(self, name: str, replicas: int) -> None: ...

    def may_scale(self) -> bool:
        """Whether these credentials may scale Deployments here, by the cluster's own word."""
        ...


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


@dataclass(frozen=True, kw_only=True)
class LogAhead:
    """The DR bucket's log behind a standby's position: it goes on without a hole to `end`, the position itself when
    there is nothing. `resumes`: where there is log again behind a hole at `end`."""

    end: int
    resumes: int | None = None


class StandbyLog(Protocol):
    """PostgreSQL's log in the DR bucket, as a standby that lost its stream needs it."""

    def ahead(self, lease: Lease | None, timeline: int, position: int) -> LogAhead:
        """What is there behind a standby's position, as far as `lease` vouches for it. Raises Unreachable; Refused when
        S3 says no or the standby's history is another one."""
        ...

    def goes_on(self, lease: Lease | None, timeline: int, position: int, end: int) -> bool:
        """Whether a whole record lies between `position`, the end of another one, and `end`. Raises as `ahead`."""
        ...


class WriteGate(Protocol):
    """The DR site's primary as the application reaches it: through the gate."""

    def knock(self) -> Literal["closed", "open", "silent"]:
        """What its address does with a connection, and nothing more. Raises Refused when it is no address."""
        ...

    def announce(self, epoch: int, run: str) -> None:
        """Write site and epoch where the services read them, and a probe row; returns after the commit. Raises
        Unreachable while the gate is closed, Failed when the database does not accept writes."""
        ...


class Marker(Protocol):
    """The object whose presence moves the public name."""

    def present(self) -> bool: ...

    def put(self, run: str, epoch: int) -> None: ...


class MetricSink(Protocol):
    """Where levels of findings are published, in one region."""

    @property
    def region(self) -> str:
        """Of the metrics, and of the alarms on them."""
        ...

    def put(self, levels: Mapping[str, int]) -> None:
        """One value for each name. Raises Unreachable."""


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
