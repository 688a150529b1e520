"""A table is dropped by mistake at the site that takes orders. `dr restore --beside` brings up the second before beside
it; the table is picked from there and put back."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors

from lab.story import observers
from lab.ultramarket.primary import APPLICATION, DATABASE, OWNER
from lab.world import World
from recovery.names import ROLE_PROMOTER

_IDS = "SELECT id FROM orders"


@dataclass(frozen=True)
class Dropped:
    """When, and the orders that the table had, by the database's own word."""

    at: str
    orders: frozenset[str]


def drop(world: World) -> Dropped:
    """As a deploy that goes wrong: by the application's login, through the gate, as the owner."""
    with observers.connect(world, _gate(world), APPLICATION) as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {OWNER}".encode())
        connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        at = connection.execute("SELECT clock_timestamp()").fetchone()
        orders = frozenset(row[0] for row in connection.execute(_IDS))
        connection.execute("DROP TABLE orders")
    assert at is not None
    return Dropped(at[0].isoformat(), orders)


def bring_back(
    world: World, dr: Callable[..., str], dropped: Dropped, acknowledged: Callable[[], set[str]]
) -> dict[str, Any]:
    """Restore the moment before beside it, count, put the table back, end the copy. `dr` runs a command that has to
    succeed; `acknowledged`: the orders of the customers' ledger that must be there."""
    began = time.monotonic()
    up = json.loads(dr("restore", "postgres", "--to", dropped.at, "--beside", "--execute", "--json"))
    took = round(time.monotonic() - began, 1)
    with observers.connect(world, up["address"], ROLE_PROMOTER) as connection:
        found = {row[0] for row in connection.execute(_IDS)}
        refused = _write_refused(connection)
    wanted = acknowledged()  # before the shop goes on
    _put_back(world, up["address"])
    dr("restore", "postgres", "--beside", "--end", "--execute")
    return {
        "kind": "beside",
        "target": dropped.at,
        "orders_expected": len(wanted),
        "orders_found": len(wanted & found),
        "same_as_before": found == dropped.orders,
        "write_refused": refused,
        "put_back": dropped.orders <= observers.orders_stored(world),
        "seconds": took,
    }


def _write_refused(connection: psycopg.Connection) -> str:
    """Why; empty when it was taken."""
    try:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("INSERT INTO dr.probe (run, step) VALUES ('lab', 'beside')")
    except errors.ReadOnlySqlTransaction as error:
        return str(error).strip()
    return ""


def _put_back(world: World, copy: str) -> None:
    """As in docs/runbooks/dropped-table.md."""
    login, owner = _login(copy, world, ROLE_PROMOTER), _login(_gate(world), world, APPLICATION)
    owner["PGOPTIONS"] = f"-c role={OWNER}"
    with subprocess.Popen(["pg_dump", "--table=orders"], env=login, stdout=subprocess.PIPE) as dump:
        psql = ["psql", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        done = subprocess.run(psql, env=owner, stdin=dump.stdout, capture_output=True, text=True, check=False)
    if dump.returncode or done.returncode:
        raise RuntimeError(f"the table could not be put back: {done.stderr}")


def _login(address: str, world: World, role: str) -> dict[str, str]:
    host, _, port = address.rpartition(":")
    server = {"PGHOST": host, "PGPORT": port, "PGDATABASE": DATABASE}
    return world.operator_env() | server | {"PGUSER": role, "PGPASSWORD": world.primary.passwords[role]}


def _gate(world: World) -> str:
    return observers.read_bundle(world)["endpoints"]["gate"]
