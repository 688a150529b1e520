"""Outside observers of a failover: they poll what anybody could poll and keep the times; none asks the promotion."""

import json
import socket
from collections.abc import Callable, Iterable
from typing import Any, Self

import dns.message
import dns.query
import dns.rdatatype
import psycopg

from lab.machine.addresses import DNS_PORT, POSTGRES_PORT
from lab.story.measure import Watch
from lab.ultramarket.primary import APPLICATION, DATABASE
from lab.ultramarket.production import PRIMARY
from lab.ultramarket.redis import APPLICATION as REDIS_APPLICATION
from lab.ultramarket.redis import ask
from lab.ultramarket.service import CART
from lab.world import World
from recovery.errors import DrError
from recovery.lease.lease import parse_lsn
from recovery.names import BUNDLE_KEY, GATE_SERVICE, GUARD_CONTAINER, MARKER_KEY, ROLE_MONITOR, ROLE_PROMOTER


class Observers:
    """Lease, DR database, marker and public name, each watched by its own thread while the block runs."""

    def __init__(self, world: World) -> None:
        bundle = read_bundle(world)
        # A look at AWS's stand-in costs it more than the others cost whom they ask: ten a second are enough.
        self.lease = Watch(lambda: lease_item(world)["site"], interval=0.1)
        self.database = Watch(_in_recovery(world, bundle["endpoints"]["standby"]))
        self.marker = Watch(_marker(world), interval=0.1)
        self.name = Watch(lambda: address_of_the_name(world))

    def __enter__(self) -> Self:
        for watch in (self.lease, self.database, self.marker, self.name):
            watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for watch in (self.lease, self.database, self.marker, self.name):
            watch.stop()


def read_bundle(world: World) -> dict[str, Any]:
    """The recovery bundle as it lies in the DR bucket."""
    s3 = world.cloud("s3", world.plan.sites.dr.region)
    return json.loads(s3.get_object(Bucket=world.names.backup_bucket("dr"), Key=BUNDLE_KEY)["Body"].read())


def lease_item(world: World) -> dict[str, Any]:
    """The lease item's plain attributes, read past the fronts."""
    table = world.cloud("dynamodb", world.plan.sites.dr.region)
    item = table.get_item(TableName=world.names.control_table, Key={"pk": {"S": "lease"}}, ConsistentRead=True)["Item"]
    return {key: next(iter(value.values())) for key, value in item.items()}


def address_of_the_name(world: World) -> str:
    """What the public name resolves to at this moment."""
    query = dns.message.make_query(world.plan.dns.name, "A")
    answer = dns.query.udp(query, world.block.dns, port=DNS_PORT, timeout=1)
    return next(item.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for item in rrset)


def orders_stored(world: World) -> set[str]:
    """Ids of all orders in the DR site's database, read as the application reads them: through the DR gate."""
    with connect(world, read_bundle(world)["endpoints"]["gate"], APPLICATION) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM orders")}


def carts_stored(world: World, orders: Iterable[str]) -> set[str]:
    """Of these orders, those whose cart is in the DR site's Redis, read as the application reads it: through the
    gate."""
    ids = list(orders)
    host = read_bundle(world)["endpoints"]["redis_gate"].rpartition(":")[0]
    found = ask(host, world.redis.passwords, "MGET", *(CART + each for each in ids), user=REDIS_APPLICATION)
    assert isinstance(found, list)
    return {each for each, cart in zip(ids, found, strict=True) if cart is not None}


def redis_follows(world: World) -> bool:
    """Whether the DR site's Redis has production's data and a link to it."""
    host = read_bundle(world)["endpoints"]["redis"].rpartition(":")[0]
    try:
        said = str(ask(host, world.redis.passwords, "INFO", "replication", user=ROLE_MONITOR))
    except (DrError, OSError):
        return False
    return "role:slave" in said and "master_link_status:up" in said


def standby_streams(world: World) -> bool:
    """Whether the DR standby has a running stream from production."""
    with connect(world, read_bundle(world)["endpoints"]["standby"], ROLE_PROMOTER) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'").fetchone()
    return bool(row and row[0])


def standby_positions(world: World) -> tuple[int, int]:
    """How far the DR standby got by its stream, and how far it has replayed, in bytes."""
    with connect(world, read_bundle(world)["endpoints"]["standby"], ROLE_PROMOTER) as connection:
        row = connection.execute("SELECT pg_last_wal_receive_lsn()::text, pg_last_wal_replay_lsn()::text").fetchone()
    return (parse_lsn(row[0]), parse_lsn(row[1])) if row else (0, 0)


def dr_log_position(world: World) -> int:
    """How far the DR site's database has written its own log, in bytes. Raises psycopg.Error while it is a standby."""
    with connect(world, read_bundle(world)["endpoints"]["standby"], ROLE_PROMOTER) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
    return parse_lsn(row[0]) if row else 0


def guard_speaks(world: World) -> bool:
    """Whether production's guard, started anew, has said that it keeps the gate closed."""
    log = world.prod.pod_logs / f"{PRIMARY}-0.{GUARD_CONTAINER}.log"
    return log.exists() and log.read_text(errors="replace").count("gate closed until") > 1


def write_as_application(world: World) -> dict[str, str]:
    """Try to place an order at production as the application: through its gate, and past it. Why each was refused;
    an empty reason means that it was accepted."""
    ways = {"gate": _gate_address(world), "database": world.block.primary}
    return {way: _refusal(world, address) for way, address in ways.items()}


def _gate_address(world: World) -> str:
    path = f"/api/v1/namespaces/ultramarket-production/services/{GATE_SERVICE}"
    return str(world.prod.api().get(path)["spec"]["clusterIP"])


def _refusal(world: World, address: str) -> str:
    try:
        with psycopg.connect(
            host=address,
            port=POSTGRES_PORT,
            user=APPLICATION,
            password=world.primary.passwords[APPLICATION],
            dbname=DATABASE,
            connect_timeout=3,
        ) as connection:
            connection.execute("INSERT INTO orders (id, client) VALUES (gen_random_uuid()::text, 'after the takeover')")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return ""


def _in_recovery(world: World, endpoint: str) -> Callable[[], object]:
    """Looks through one connection, made at the first look."""
    open_connections: list[psycopg.Connection] = []

    def look() -> bool:
        if not open_connections:
            open_connections.append(connect(world, endpoint, ROLE_PROMOTER))
        row = open_connections[0].execute("SELECT pg_is_in_recovery()").fetchone()
        return bool(row and row[0])

    return look


def _marker(world: World) -> Callable[[], object]:
    s3 = world.cloud("s3", world.plan.sites.dr.region)

    def look() -> bool:
        found = s3.list_objects_v2(Bucket=world.names.marker_bucket, Prefix=MARKER_KEY)
        return bool(found.get("KeyCount"))

    return look


def connect(world: World, endpoint: str, role: str) -> psycopg.Connection:
    """A session at host:port as one of the database's roles, with autocommit. Raises psycopg.OperationalError."""
    host, _, port = endpoint.rpartition(":")
    return psycopg.connect(
        host=socket.gethostbyname(host),
        port=port,
        user=role,
        password=world.primary.passwords[role],
        dbname=DATABASE,
        connect_timeout=3,
        autocommit=True,
    )
