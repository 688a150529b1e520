"""The property a restore is for: at any moment the copy holds what the database held, row by row.

One primary that changes at random and one full backup; moments are compared on a copy that is rolled forward, and some
of them on servers that `dr restore` made. `make soak` takes five times as many.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.postgres.restore_order import plan_restore
from engines.postgres.unpack import Place as Folder
from engines.postgres.unpack import unpack
from engines.postgres.unpacked import point_tablespaces, take_roles
from engines.postgres.wal_archive import WalArchive, listed
from engines.postgres.wal_server import Source, serving
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import Primary
from recovery.copies.recovery_target import Target
from recovery.lease.lease import format_lsn
from tests.support.backup_site import Site
from tests.support.moments import Moment, Rolling, State, Workload, sampled
from tests.support.restore_site import Place, Stock, in_memory
from tests.support.restore_site import place as place  # fixture
from tests.support.soak import SOAK
from tests.support.wal_shipping import Shipper

MOMENTS, WHOLE = (200, 12) if SOAK else (40, 4)


class Lived:
    """A database's random life: its copies in `site.store`, and every moment of it after the backup."""

    def __init__(self, site: Site, tablespace: Path, seed: int) -> None:
        self.site, chance = site, random.Random(seed)  # noqa: S311
        with site.primary.connect() as session:
            session.execute(f"CREATE TABLESPACE beside LOCATION '{tablespace}'".encode())
            session.execute("CREATE TABLE waiting (id int GENERATED ALWAYS AS IDENTITY, word text)")
            life = Workload(session, chance, "beside")
            life.begin()
            for _ in range(20):
                life.change()
            self.backup = site.back_up().manifest
            life.history.clear()
            life.record("backup")
            shipper, shipped = Shipper(site, cuts=range(1000, 16_000_000, 300_000)), 0
            for number in range(MOMENTS * 3 // 2):
                life.change()
                if number % 20 == 19:  # the server recycles its log
                    shipped = shipper.ship(start=shipped)
            shipper.ship(start=shipped)
        self.history = life.history
        self.moments = sampled(life.history, MOMENTS, chance)
        self.whole = chance.sample(self.moments, WHOLE)


@pytest.fixture
def primary(postgres: Primary, processes: Supervisor) -> Primary:
    """One that can prepare transactions."""
    with postgres.connect() as session:
        session.execute("ALTER SYSTEM SET max_prepared_transactions = 20")
        session.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        session.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")
    processes.stop("postgres", timeout=20)
    postgres.start()
    return postgres


@pytest.fixture
def lived(
    backup_source: Site, primary: Primary, database_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lived]:
    seed = random.SystemRandom().randrange(2**32)
    print(f"the seed is {seed}")  # noqa: T201  (pytest shows it when a moment differs)
    tablespace = database_folder / f"beside-{os.urandom(4).hex()}"
    tablespace.mkdir(mode=0o700)
    if primary.uid is not None:
        os.chown(tablespace, primary.uid, primary.uid)
    yield Lived(in_memory(replace(backup_source, primary=primary), monkeypatch), tablespace, seed)


def own(place: Place, name: str) -> Place:
    """Another place below it."""
    parent = place.parent / name
    parent.mkdir(mode=0o755)
    if place.site.primary.uid is not None:
        os.chown(parent, place.site.primary.uid, place.site.primary.uid)
    return replace(place, parent=parent)


def rolled(lived: Lived, place: Place) -> Iterator[tuple[Moment, State]]:
    """Every moment, with what a copy of the backup holds when it has replayed the log up to there."""
    site, owner = lived.site, lived.site.primary.uid
    assert isinstance(site.store, Stock)
    folders = {each.oid: Folder(folder=place.parent / str(each.oid), owner=owner) for each in lived.backup.tablespaces}
    data = Folder(folder=place.into, owner=owner)
    for each in (data, *folders.values()):
        each.make_folder(each.folder)
    unpack(site.store, lived.backup, lambda oid: data if oid is None else folders[oid])
    point_tablespaces(data.folder, {oid: each.folder for oid, each in folders.items()})
    take_roles(data.folder)
    order = plan_restore(site.store, Target.parse("latest"), place.parent / "none", environment=site.environment)
    way = order.choice.way
    assert way is not None
    given = [lived.moments[0].position]

    def fetch(name: str) -> bytes | None:
        """Of the log no more than what was given so far."""
        return WalArchive(store=site.store, way=way.until(given[-1]), histories={}).fetch(name)

    log = Folder(folder=place.parent / "log", owner=owner)
    log.make_folder(log.folder)
    copy = Rolling(site.primary, place.processes, data.folder, place.address)
    with serving(Source(fetch=fetch), log) as (_, command):
        copy.start(command)
        for moment in lived.moments:
            given.append(moment.position)
            yield moment, copy.at(moment.position)
        place.processes.stop("rolling", timeout=20)


def test_every_moment_is_restored_row_by_row(lived: Lived, place: Place) -> None:
    place = replace(place, site=lived.site)
    compared = 0
    for moment, found in rolled(lived, own(place, "rolled")):
        assert moment.state.differs(found, prepared=False) == "", f"{format_lsn(moment.position)} {moment.after}"
        compared += 1
    assert compared == len(lived.moments) >= MOMENTS * 3 // 4

    for number, moment in enumerate(lived.whole):
        target = own(place, f"whole-{number}")
        by_time = number % 2 == 1 and moment.position < lived.history[-1].position
        target.restore(lived.site.store, moment.time.isoformat() if by_time else format_lsn(moment.position))
        with target.start() as session:  # a time says nothing of what is only prepared
            assert moment.state.differs(State.of(session), prepared=not by_time) == "", f"{moment.time} {moment.after}"
            assert session.execute("SELECT count(*) FROM forgotten").fetchone() == (0,)
        target.stop()
    assert listed(lived.site.store, lived.backup.source.system_identifier).log is not None
