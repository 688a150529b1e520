"""A bucket with years of copies in memory, and a pruner on it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from operations.copies.prune import PruneOrder, execute, look
from recovery.copies.log import SEGMENT_BYTES, Gap, Line, Segment
from recovery.copies.log_position import LogPosition
from recovery.copies.manifest import Manifest, Part, Pointer
from recovery.lease.lease import format_lsn
from recovery.names import backup_folder, manifest_key, pointer_key
from recovery.plan.loading import load_plan
from recovery.plan.plan import Plan
from recovery.plan.sites import SiteName
from recovery.ports.control_table import LeaseStore
from tests.support.fakes import FakeBucket, FakeLeases, held_lease
from tests.support.manifests import manifest
from tests.support.plans import ROOT
from tests.support.simulated_log import DyingBucket

PLAN = load_plan(ROOT / "recovery.yaml")
NOW = datetime(2028, 6, 1, 12, tzinfo=UTC)
LINE = Line(1, "77", 1)
DAY = timedelta(days=1)


def place(days_ago: float) -> int:
    """Where the log was then: a segment an hour."""
    return int((4000 - days_ago) * 24) * SEGMENT_BYTES


@dataclass
class PruneSite:
    """The DR bucket's, unless `site` says otherwise."""

    site: SiteName = "dr"
    active: SiteName = "prod"
    store: DyingBucket = field(default_factory=DyingBucket)
    replicas: FakeBucket | None = None
    plan: Plan = PLAN
    clock: datetime = NOW

    def __post_init__(self) -> None:
        self.store.now = NOW
        self.leases = FakeLeases(held_lease(self.active))

    def full(self, days_ago: float, *, run: str = "aaaa", locked: timedelta = 7 * DAY) -> str:
        """A full backup with two parts that began so many days ago; returns its folder."""
        made = full_manifest(days_ago, run=run, locked=locked)
        folder = folder_of(made)
        bodies = {part.key: b"xxx" for part in made.parts} | {manifest_key(folder): made.to_json()}
        for key, body in bodies.items():
            self.put(key, body, made.finished, made.retain_until)
        return folder

    def log(self, days_ago: Iterable[int], *, line: Line = LINE, step: int = 1) -> None:
        """The log of these days, a segment every `step` hours: only its newest end is promised by the position."""
        for day in days_ago:
            for hour in range(0, 24, step):
                start = place(day) + hour * SEGMENT_BYTES
                for number in range(step):
                    piece = Segment(line, start + number * SEGMENT_BYTES, start + (number + 1) * SEGMENT_BYTES)
                    self.put(piece.key, b"s", NOW - day * DAY + (hour + number + 1) * timedelta(hours=1))

    def gap(self, start: int, end: int) -> None:
        self.put(Gap(LINE, start, end).key, b"{}", NOW)

    def point(self, folder: str) -> None:
        """Let `latest` name it."""
        body = self.store.objects.get(manifest_key(folder))
        assert body
        made = Manifest.from_json(body, key="")
        named = Pointer(manifest_key=manifest_key(folder), epoch=made.source.epoch, finished=made.finished)
        self.put(pointer_key("postgres", "full", made.source.epoch), named.model_dump_json().encode(), NOW)

    def position(self, end: int, *, at: datetime = NOW) -> None:
        named = LogPosition(epoch=1, system="77", timeline=1, segment_bytes=SEGMENT_BYTES, start=0, end=end, at=at)
        self.put(named.key, named.to_json(), at)

    def put(self, key: str, body: bytes, at: datetime, locked: datetime | None = None) -> None:
        self.store.objects[key] = body
        self.store.modified[key] = at
        if locked:
            self.store.retained[key] = locked

    def look(self) -> PruneOrder:
        return look(self.store, self.plan, self.site, clock=lambda: self.clock, replicas=self.replicas)

    def run(self, leases: LeaseStore | None = None) -> PruneOrder:
        """Look, and do it."""
        order = self.look()
        execute(self.store, order, leases or self.leases, self.active)
        return order


def full_manifest(days_ago: float, *, run: str = "aaaa", locked: timedelta = 7 * DAY) -> Manifest:
    started = (NOW - days_ago * DAY).replace(microsecond=0)
    folder = backup_folder("postgres", "full", epoch=1, source="77", started=started, run=run)
    parts = tuple(
        Part(key=f"{folder}{name}.tar.zst", bytes=3, sha256="0" * 64, raw_bytes=9) for name in ("base", "wal")
    )
    return manifest(
        run,
        started=started,
        parts=parts,
        start_position=format_lsn(place(days_ago) + 1000),
        stop_position=format_lsn(place(days_ago) + 9000),
        retain_until=started + locked,
    )


def folder_of(made: Manifest) -> str:
    return made.parts[0].key.rpartition("/")[0] + "/"


def names(order: PruneOrder) -> list[str]:
    """What goes, in short."""
    return [
        f"{each.copy.kind} {(NOW - each.copy.finished).total_seconds() / 86_400:.0f}" for each in order.verdict.prunes
    ]
