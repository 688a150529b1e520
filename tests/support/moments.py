"""A database that changes at random, what it held after every change by its position in the log, and the same read back
from a copy."""

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from lab.machine.processes import Supervisor, wait_until
from lab.ultramarket.primary import Primary
from recovery.lease.lease import format_lsn, parse_lsn
from tests.support.restore_site import lsn

NAMES = ("plain", "Übergröße", 'with "quotes"', "semi;colon", "sp ace", "SELECT", "o'zbek")
_TABLES = SQL(
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%' "
    "AND n.nspname <> 'information_schema' ORDER BY 1, 2"
)


@dataclass(frozen=True)
class State:
    """Every row of every table, as text with its columns' names; large objects; sequences; prepared transactions."""

    tables: dict[tuple[str, str], list[str]]
    large_objects: dict[int, str]
    sequences: dict[tuple[str, str], int]
    prepared: list[str]

    @classmethod
    def of(cls, session: psycopg.Connection) -> "State":
        tables: dict[tuple[str, str], list[str]] = {}
        for schema, table in session.execute(_TABLES).fetchall():
            rows = SQL("SELECT row_to_json(t)::text FROM {} AS t ORDER BY 1").format(Identifier(schema, table))
            tables[schema, table] = [row[0] for row in session.execute(rows)]
        objects = session.execute("SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1").fetchall()
        sequences = session.execute("SELECT schemaname, sequencename, coalesce(last_value, 0) FROM pg_sequences")
        prepared = session.execute("SELECT gid FROM pg_prepared_xacts ORDER BY 1").fetchall()
        return cls(
            tables=tables,
            large_objects=dict(objects),
            sequences={(schema, name): value for schema, name, value in sequences},
            prepared=[gid for (gid,) in prepared],
        )

    def differs(self, copy: "State", *, prepared: bool) -> str:
        """What is wrong with a copy; empty when nothing is. A server in recovery does not tell what is prepared.

        A sequence may be ahead and never behind: its log promises 32 numbers at a time, and belongs to no transaction,
        so that of a change is there which a stop by time leaves out.
        """
        if self.tables.keys() != copy.tables.keys():
            return f"tables {sorted(self.tables.keys() ^ copy.tables.keys())}"
        for name, rows in self.tables.items():
            if rows != copy.tables[name]:
                return f"{name}: {sorted(set(rows) ^ set(copy.tables[name]))[:3]} in one of the two"
        if self.large_objects != copy.large_objects:
            return "large objects"
        if self.sequences.keys() != copy.sequences.keys():
            return "sequences"
        behind = [name for name, value in self.sequences.items() if value > copy.sequences[name]]
        if behind:
            return f"sequence {behind[0]}: {self.sequences[behind[0]]}, {copy.sequences[behind[0]]} in the copy"
        return "prepared" if prepared and self.prepared != copy.prepared else ""


@dataclass(frozen=True)
class Moment:
    """What the database held when its log had come to `position`, at `time` of its clock."""

    position: int
    time: datetime
    state: State
    after: str


@dataclass
class Workload:
    """One client that changes things, and `history`: a moment after every change."""

    session: psycopg.Connection
    chance: random.Random
    tablespace: str
    history: list[Moment] = field(default_factory=list[Moment])
    _made: int = 0
    _prepared: list[str] = field(default_factory=list[str])
    _objects: list[int] = field(default_factory=list[int])

    def begin(self) -> None:
        for name in NAMES[:3]:
            self._create(name)
        self._run("CREATE SEQUENCE \"Numbers of 'orders'\"")
        self._run("CREATE UNLOGGED TABLE forgotten (n int)")

    def change(self) -> None:
        """One change, and its moment."""
        act = self.chance.choice(
            [self.insert] * 4
            + [self.update, self.delete, self.ddl, self.numbers, self.large_object, self.two_phase, self.two_phase]
            + [self.roll_back, self.maintain, self.forget, self.truncate]
        )
        act()
        self.record(act.__name__)

    def record(self, after: str) -> None:
        state, position = State.of(self.session), lsn(self.session)
        found = self.session.execute("SELECT clock_timestamp()").fetchone()
        assert found is not None
        self.history.append(Moment(position, found[0].astimezone(UTC), state, after))

    def insert(self) -> None:
        count = self.chance.choice([1, 5, 50])
        self._on("INSERT INTO {} (word) SELECT md5(random()::text) FROM generate_series(1, {})", count)

    def update(self) -> None:
        self._on("UPDATE {} SET word = word || 'x' WHERE id % {} = 0", self.chance.randint(2, 9))

    def delete(self) -> None:
        self._on("DELETE FROM {} WHERE id % {} = 1", self.chance.randint(3, 9))

    def truncate(self) -> None:
        self._on("TRUNCATE {} -- {}", 0)
        self.insert()

    def ddl(self) -> None:
        tables = self._tables()
        table = self.chance.choice(tables)
        self._made += 1
        match self.chance.randint(0, 4):
            case 0:
                self._create(f"{self.chance.choice(NAMES)} {self._made}")
            case 1:
                self._run(SQL("ALTER TABLE {} ADD COLUMN {} int DEFAULT 7"), table, f"né {self._made}")
            case 2:
                self._run(SQL("CREATE INDEX ON {} (word)"), table)
            case 3 if len(tables) > 3:
                self._run(SQL("DROP TABLE {}"), table)
            case _:
                self._run(SQL("ALTER TABLE {} RENAME TO {}"), table, f"{self.chance.choice(NAMES)} {self._made}")

    def numbers(self) -> None:
        for _ in range(self.chance.randint(1, 40)):
            self._run("SELECT nextval('\"Numbers of ''orders''\"')")

    def large_object(self) -> None:
        if self._objects and self.chance.random() < 0.3:
            self._run(SQL("SELECT lo_unlink({})").format(Literal(self._objects.pop())))
            return
        found = self.session.execute("SELECT lo_from_bytea(0, %s)", [os.urandom(5000)]).fetchone()
        assert found is not None
        self._objects.append(found[0])

    def two_phase(self) -> None:
        if self._prepared and self.chance.random() < 0.6:
            word: LiteralString = "COMMIT" if self.chance.random() < 0.5 else "ROLLBACK"
            self._run(SQL(word + " PREPARED {}").format(Literal(self._prepared.pop(0))))
            return
        self._made += 1
        with_id = f"it's {self._made}"
        self._run("BEGIN")
        self._run("INSERT INTO waiting (word) VALUES ('prepared')")
        self._run(SQL("PREPARE TRANSACTION {}").format(Literal(with_id)))
        self._prepared.append(with_id)

    def roll_back(self) -> None:
        self._run("BEGIN")
        self._on("INSERT INTO {} (word) SELECT 'undone' FROM generate_series(1, {})", 20)
        self._run("SAVEPOINT half")
        self.insert()
        self._run("ROLLBACK TO half" if self.chance.random() < 0.5 else "RELEASE half")
        self._run("ROLLBACK" if self.chance.random() < 0.7 else "COMMIT")

    def maintain(self) -> None:
        what = self.chance.choice(["CHECKPOINT", "SELECT pg_switch_wal()", "VACUUM", "VACUUM FULL {}"])
        self._run(what, *([self.chance.choice(self._tables())] if "{}" in what else []))

    def forget(self) -> None:
        self._run("INSERT INTO forgotten SELECT generate_series(1, 9)")

    def _tables(self) -> list[str]:
        """Those that anything may be done with; what is prepared holds a lock on `waiting`."""
        known = [table for schema, table in self.session.execute(_TABLES).fetchall() if schema == "public"]
        return [table for table in known if table not in ("orders", "waiting")]

    def _create(self, name: str) -> None:
        where = SQL(" TABLESPACE {}").format(Identifier(self.tablespace)) if self.chance.random() < 0.4 else SQL("")
        self._run(SQL("CREATE TABLE {} (id int GENERATED ALWAYS AS IDENTITY, word text)"), name, end=where)

    def _on(self, statement: str, number: int) -> None:
        """`statement` on one of the tables."""
        table = Identifier(self.chance.choice(self._tables()))
        self.session.execute(SQL(statement).format(table, Literal(number)))  # type: ignore[arg-type]

    def _run(self, statement: object, *names: str, end: Composable | None = None) -> None:
        text = SQL(statement) if isinstance(statement, str) else statement  # type: ignore[arg-type]
        if names:
            text = text.format(*map(Identifier, names))  # type: ignore[attr-defined]
        self.session.execute(text + end if end else text)  # type: ignore[arg-type,operator]


@dataclass
class Rolling:
    """A server on a copy, rolled forward: it replays what of the log it is given, and can be read in between."""

    source: Primary
    processes: Supervisor
    data: Path
    address: str

    def start(self, restore_command: str) -> None:
        """As one that waits for more log, and asks for it all the time."""
        settings = {
            "listen_addresses": self.address,
            "unix_socket_directories": str(self.data.parent),
            "restore_command": restore_command,
            "wal_retrieve_retry_interval": "20ms",
            "max_prepared_transactions": "20",
            "fsync": "off",
        }
        (self.data / "standby.signal").touch()
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        argv = [str(self.source.postgres.bin / "postgres"), "-D", str(self.data), *words]
        environment = {"PATH": "/usr/bin:/bin", "TZ": "UTC", **self.source.postgres.env()}
        child = self.processes.start("rolling", argv, env=environment, uid=self.source.uid)
        wait_until(self._answers, what="the copy", alive=[child])

    def at(self, position: int) -> State:
        """What it holds, once it has replayed everything before `position`."""
        # Where a page begins, its header stands before the next record.
        end = position - position % 8192 if position % 8192 in (24, 40) else position
        with self.connect("ultramarket") as session:
            replayed = SQL("SELECT pg_last_wal_replay_lsn()::text")
            wait_until(
                lambda: parse_lsn((session.execute(replayed).fetchone() or ("0/0",))[0]) >= end,
                what=format_lsn(position),
                alive=[self.processes.children["rolling"]],
                interval=0.01,
            )
            return State.of(session)

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=self.address,
            port=5432,
            user="postgres",
            password=self.source.passwords["postgres"],
            dbname=database,
            connect_timeout=3,
            autocommit=True,
        )

    def _answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True


def sampled(history: list[Moment], count: int, chance: random.Random) -> list[Moment]:
    """So many moments of different positions, in order."""
    known = list({moment.position: moment for moment in history}.values())
    return sorted(chance.sample(known, min(count, len(known))), key=lambda each: each.position)
