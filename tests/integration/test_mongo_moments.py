"""The property a restore is for: at any cluster time the copy holds what the database held, document by document.

One database that changes at random, dumped while it does; moments are compared on a copy that is rolled forward, and
some of them on deployments that `dr restore` filled. `make soak` takes five times as many.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from engines.mongo.held_indexes import HeldIndexes
from engines.mongo.log_bucket import gaps, listed
from engines.mongo.log_reader import events
from engines.mongo.replay import Replay
from engines.mongo.restore import fill, writable
from engines.mongo.restore_point import choose_point
from engines.mongo.stream_session import streamed
from engines.mongo.verify import verified
from lab.ultramarket.mongo_server import MongoServer
from recovery.copies.log_times import parts, written
from recovery.copies.mongo_log import chain
from recovery.copies.mongo_log_way import line_of, needs, settled
from tests.support.mongo_data import content, described
from tests.support.mongo_life import Follower, Life, Moment
from tests.support.mongo_site import MongoSite
from tests.support.soak import SOAK

MOMENTS, WHOLE = (200, 8) if SOAK else (40, 3)


class Lived:
    """A database's random life: its dump and log in `site.store`, and every moment of it after the dump."""

    def __init__(self, site: MongoSite, client: Any, follower: Follower, seed: int) -> None:
        self.site, chance = site, random.Random(seed)  # noqa: S311
        self.database = client[site.database]
        life = Life(self.database, client, chance, follower)
        life.begin()
        for _ in range(15):
            life.change()
        self.backup = site.back_up().manifest
        life.history.clear()
        life.record("backup")
        while len(life.history) < MOMENTS:
            life.change()
        life.insert()
        follower.drain()
        self.history = life.history
        self.whole = chance.sample(self.history, WHOLE)


@pytest.fixture
def lived(mongo: MongoSite) -> Iterator[Lived]:
    seed = random.SystemRandom().randrange(2**32)
    print(f"the seed is {seed}")  # noqa: T201  (pytest shows it when a moment differs)
    said: list[str] = []
    with mongo.server.client() as client, streamed(mongo.environment, mongo.database) as stream:
        follower = Follower.of(stream, mongo.store, said.append)
        yield Lived(mongo, client, follower, seed)
    assert not [each for each in said if each.startswith("LOST")]


def rolled(lived: Lived, database: Any) -> Iterator[tuple[Moment, dict[str, dict[bytes, bytes]]]]:
    """Every moment, with what a copy of the dump holds when the log up to there has been replayed."""
    store, backup = lived.site.store, lived.backup
    (line,) = [each for each in listed(store).lines if each.line == line_of(backup)]
    fill(store, database, verified(store, backup), [])
    position = needs(backup)
    with closing(Replay(database, HeldIndexes())) as replay:
        for moment in lived.history:
            replay.apply(events(store, chain(line.pieces, position, moment.position)))
            position = max(position, moment.position)
            yield moment, content(database)


def differs(moment: Moment, found: dict[str, dict[bytes, bytes]]) -> str:
    if moment.state.keys() != found.keys():
        return f"collections {sorted(moment.state.keys() ^ found.keys())}"
    return next((f"{name!r}" for name, documents in moment.state.items() if documents != found[name]), "")


def test_every_moment_is_restored_document_by_document(lived: Lived, mongo_target: MongoServer) -> None:
    with mongo_target.client() as client:
        database = writable(client, lived.site.database)
        compared = 0
        for moment, found in rolled(lived, database):
            if moment.position >= settled(lived.backup):
                assert differs(moment, found) == "", f"{written(moment.position)} {moment.after}"
                compared += 1
        assert compared >= MOMENTS - 1
        for moment in lived.whole:
            client.drop_database(lived.site.database)
            time = written(moment.position - 1)
            done = lived.site.restore(mongo_target.url, time)
            assert done.reached == moment.position
            assert differs(moment, content(client[lived.site.database])) == "", f"{time} {moment.after}"
        client.drop_database(lived.site.database)
        lived.site.restore(mongo_target.url)
        assert described(client[lived.site.database]) == described(lived.database)
    assert gaps(lived.site.store) == []


def test_replaying_twice_changes_nothing(lived: Lived, mongo_target: MongoServer) -> None:
    """Changes of documents, any number of times; each stretch between two changes of a collection's shape is one."""
    store, backup = lived.site.store, lived.backup
    (line,) = [each for each in listed(store).lines if each.line == line_of(backup)]
    everything = list(events(store, chain(line.pieces, needs(backup), lived.history[-1].position)))
    with mongo_target.client() as client:
        database = writable(client, lived.site.database)
        fill(store, database, verified(store, backup), [])
        with closing(Replay(database, HeldIndexes())) as replay:
            for number in range(0, len(everything), 50):
                part = everything[number : number + 50]
                replay.apply(part)
                if not any(each.kind in ("rename", "drop") for each in part):
                    replay.apply(part)
        assert differs(lived.history[-1], content(database)) == ""


def test_a_point_outside_the_window_is_refused_with_the_window(lived: Lived) -> None:
    from recovery.errors import Refused

    first, _ = parts(needs(lived.backup))
    for to in (f"{first - 1000}.1", f"{first + 100_000}.1"):
        with pytest.raises(Refused) as caught:
            choose_point(lived.site.store, to)
        assert "what can be restored:\n  from " in caught.value.next_step
