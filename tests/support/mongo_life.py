"""A MongoDB database that changes at random, what it held after every change by its cluster time, and its log."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Int64

from engines.mongo.log_session import Session
from engines.mongo.log_stream import LogStream
from engines.shipping import Heard, Terms
from tests.support.fakes import held_lease
from tests.support.mongo_data import EVERY_TYPE, KEPT, content

NAMES = ("plain", "Übergröße", "odd/name%x", "line\nend", 'with "quotes"', "o'zbek", "sp ace")
TYPES = sorted({*EVERY_TYPE} - {"date before years", "date after years"})
"""The stand-in does not take the other two in an update."""
LARGE = 9_000_000
"""Bytes of a document whose update is more than one event can hold: what changed, and what it is then."""

State = dict[str, dict[bytes, bytes]]


@dataclass(frozen=True)
class Moment:
    """What the database held when everything before `position` had happened."""

    position: int
    state: State
    after: str


@dataclass
class Follower:
    """A shipper that is asked to go on step by step: the stand-in looks a post-image up when it is asked for it, and so
    it has to be asked before the document changes again."""

    session: Session

    @classmethod
    def of(cls, stream: LogStream, store: Any, said: Callable[[str], None] = lambda _: None) -> "Follower":
        terms = Terms(every=timedelta(), lock=timedelta(days=7))
        made = cls(Session(stream, store, held_lease(), terms, lambda: datetime.now(UTC), Heard(says=said)))
        made.session.begin()
        return made

    def drain(self) -> int:
        """Store all there is; a position behind it."""
        behind = self.session.stream.now() + 1
        while self.session.seen < behind:
            self.session.step()
        return behind


@dataclass
class Life:
    """One client that changes things, and `history`: a moment after every change."""

    database: Any
    client: Any
    chance: random.Random
    follower: Follower
    history: list[Moment] = field(default_factory=list[Moment])
    _made: int = 0

    def begin(self) -> None:
        for name in NAMES[:3]:
            self._create(name)
        self._create("capped", capped=True, size=Int64(100_000), max=20)
        self.follower.drain()

    def change(self) -> None:
        """One change, and its moment."""
        act = self.chance.choice(
            [self.insert] * 4
            + [self.update] * 3
            + [self.replace, self.delete, self.delete, self.transaction, self.transaction, self.shape, self.shape]
            + [self.append, self.large]
        )
        act()
        self.record(act.__name__)

    def record(self, after: str) -> None:
        behind = self.follower.drain()
        self.history.append(Moment(behind, content(self.database), after))

    def insert(self) -> None:
        count = self.chance.choice([1, 3, 40])
        self.database[self._any()].insert_many([self._document() for _ in range(count)])

    def update(self) -> None:
        wanted = {"_id": {"$mod": [self.chance.randint(2, 9), 1]}}
        self.database[self._any()].update_many(wanted, {"$inc": {"changes": 1}, "$set": {"n": self.chance.random()}})

    def replace(self) -> None:
        name = self._any()
        for identity in self._some(name, 3):
            self.database[name].replace_one({"_id": identity}, self._document() | {"_id": identity})

    def delete(self) -> None:
        self.database[self._any()].delete_many({"_id": {"$mod": [self.chance.randint(4, 9), 0]}})

    def append(self) -> None:
        self.database["capped"].insert_many([self._document() for _ in range(3)])

    def transaction(self) -> None:
        """In two collections, or undone."""
        names = self.chance.sample(self._plain(), 2)
        gone = self._some(names[0], 1)
        with self.client.start_session() as session:
            session.start_transaction()
            for name in names:
                self.database[name].insert_many([self._document(), self._document()], session=session)
            for identity in gone:
                self.database[names[0]].delete_one({"_id": identity}, session=session)
            if self.chance.random() < 0.3:
                session.abort_transaction()
            else:
                session.commit_transaction()

    def large(self) -> None:
        """An event above 16 MB, now and then."""
        if self.chance.random() > 0.3:
            return
        self._made += 1
        name = self._any()
        self.database[name].insert_one({"_id": self._made})
        self.follower.drain()
        self.database[name].update_one({"_id": self._made}, {"$set": {"long": self.chance.randbytes(LARGE)}})
        self.follower.drain()
        self.database[name].delete_one({"_id": self._made})

    def shape(self) -> None:
        names = self._plain()
        match self.chance.randint(0, 6):
            case 0:
                self._create(f"{self.chance.choice(NAMES)} {self._number()}")
            case 1 if len(names) > 3:
                self.database.drop_collection(self.chance.choice(names))
            case 2:
                name = f"{self.chance.choice(NAMES)} {self._number()}"
                self.database[self.chance.choice(names)].rename(name)
                self.database.command({"collMod": name, **KEPT})  # the stand-in forgets it
            case 3 if len(names) > 3:
                one, other = self.chance.sample(names, 2)
                self.database[one].rename(other, dropTarget=True)
                self.database.command({"collMod": other, **KEPT})
            case 4:
                self.database[self.chance.choice(names)].create_index(f"n{self._number()}")
            case 5:
                name = self.chance.choice(names)
                found = [each for each in self.database[name].index_information() if each != "_id_"]
                if found:
                    self.database[name].drop_index(self.chance.choice(found))
            case _:
                name = self.chance.choice(names)
                self.database.drop_collection(name)
                self._create(name)
                self.database[name].insert_one(self._document())

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _plain(self) -> list[str]:
        return sorted(each for each in self.database.list_collection_names() if each != "capped")

    def _any(self) -> str:
        return self.chance.choice(self._plain())

    def _some(self, name: str, count: int) -> list[Any]:
        return [each["_id"] for each in self.database[name].find({}, {"_id": 1}).limit(count)]

    def _create(self, name: str, **options: Any) -> None:
        self.database.command({"create": name, **KEPT, **options})

    def _document(self) -> dict[str, Any]:
        self._made += 1
        chosen = self.chance.sample(TYPES, 3)
        return {"_id": self._made, "n": self.chance.random(), **{name: EVERY_TYPE[name] for name in chosen}}
