"""A DR site as `dr status` looks at it, everything faked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engines.catalog import move_pointer
from operations.monitoring import status
from operations.monitoring.findings import Finding
from operations.monitoring.sources import Sources
from recovery.copies.beside import BesideState
from recovery.copies.log_position import LogPosition
from recovery.copies.manifest import Manifest
from recovery.errors import DrError
from recovery.names import manifest_key
from recovery.ports.edge import EdgeSeen, ServiceAnswer
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest, of_configuration, of_redis
from tests.support.promotion import (
    NOW,
    SYSTEM,
    FakeBackups,
    FakeLeases,
    FakeRuns,
    FakeWalls,
    Site,
    bundle,
    lease,
    ports,
    process,
    redis,
    standby,
)

Look = Callable[..., dict[str, Finding]]


WEEKLY = ('schedule: "0 2 * * *"', 'schedule: "0 2 * * 0"')


@pytest.fixture
def copies() -> FakeBucket:
    """The DR bucket, with a full backup of everything of an hour ago."""
    store = FakeBucket("copies")
    finished(store, timedelta(hours=1))
    return store


def finished(store: FakeBucket, ago: timedelta, *, epoch: int = 1) -> Manifest:
    """Let the newest full backup be so old, and the only one; copies of Redis and of configuration are new."""
    store.objects.clear()
    made = manifest(epoch=epoch, started=NOW - ago - timedelta(minutes=1))
    recent = NOW - timedelta(minutes=5)
    others = [of_redis(kind, epoch=epoch, started=recent) for kind in ("full", "snapshot")]
    for each in (made, *others, of_configuration(epoch=epoch, started=recent)):
        key = manifest_key(each.folder)
        store.objects |= {each.parts[0].key: b"xxx", key: each.to_json()}
        assert move_pointer(store, each, key)
    log = LogPosition(epoch=epoch, system=SYSTEM, timeline=epoch, segment_bytes=2**24, start=0, end=2**40, at=NOW)
    store.objects[log.key] = log.to_json()
    return made


def sources(site: Site, copies: FakeBucket) -> Sources:
    """Everything of one site in memory."""
    found = ports(site)
    return Sources(
        leases=FakeLeases(site),
        runs=FakeRuns(site),
        reports=found.reports,
        backups=FakeBackups(site),
        walls=FakeWalls(site),
        standby=found.standby,
        redis=found.redis,
        cluster=found.cluster,
        beside=FakeBeside(site),
        marker=found.marker,
        edge=lambda: found.dr_edge,
        copies=copies,
        origin=FakeBucket("origin"),
    )


@pytest.fixture
def look(copies: FakeBucket) -> Callable[..., dict[str, Finding]]:
    """All findings by name."""
    return lambda site, of=None: {
        finding.name: finding for finding in status.look(of or bundle(), sources(site, copies), now=NOW)
    }


def healthy() -> Site:
    """Production works and the standby follows."""
    beat = lease().heartbeat
    assert beat
    follows = redis(link_up=True, down_seconds=None, silent_seconds=1)
    return Site(lease=lease(heartbeat=replace(beat, at=NOW)), database=standby(streaming=True), redis=follows)


def promoted(site: Site, folder: Path, copies: FakeBucket | None = None) -> None:
    """A promotion that came to its end; with `copies`, a full backup since then."""
    process(site, folder)
    if copies:
        finished(copies, timedelta(minutes=1), epoch=2)
    beat = lease().heartbeat
    assert site.lease and beat
    site.lease = replace(site.lease, heartbeat=replace(beat, at=NOW))


class FakeBeside:
    """Nothing was restored beside the site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def state(self) -> BesideState:
        self._site.answer("cluster")
        return BesideState(order=None, version="1", wanted=0, disk_bytes=0)

    def identity(self) -> dict[str, str]:
        raise AssertionError("nobody asks")

    def write_order(self, order: object, *, version: str) -> None:
        raise AssertionError("status changes nothing")

    def scale(self, replicas: int) -> None:
        raise AssertionError("status changes nothing")


class Edge:
    """The DR edge: how it is reached and what the site behind it answers."""

    def __init__(self, reached: EdgeSeen | DrError, answer: ServiceAnswer) -> None:
        self.reached, self.answer = reached, answer

    def reach(self) -> EdgeSeen:
        if isinstance(self.reached, DrError):
            raise self.reached
        return self.reached

    def ask(self, service: str) -> ServiceAnswer:
        return self.answer
