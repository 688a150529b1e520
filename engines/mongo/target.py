"""The deployment that a restore fills: a replica set with nothing in it that is not production's.

While it is filled, a collection of ours in the database says so: half of a restore is never taken for a whole one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engines.mongo.connection import TARGET, Address
from engines.mongo.server import Deployment, describe
from recovery.copies.manifest import Manifest
from recovery.errors import DrError, Failed, Refused

if TYPE_CHECKING:
    from engines.mongo.connection import Client

UNFINISHED = "dr_restore_unfinished"
_OWN = ("admin", "config", "local")
"""A server's own databases."""
_EXISTS = 48


def target_address(url: str, environment: Mapping[str, str]) -> Address:
    """What `url` names, with the login of a target. Raises Refused for what is no address."""
    return Address.of(environment, TARGET, url=url)


def require_target(client: "Client", address: Address, backup: Manifest, environment: Mapping[str, str]) -> Deployment:
    """Raises Refused unless it is an empty replica set (fault 54) that is not production's (fault 58) and not older
    than what the copy is of."""
    found = describe(client, address)
    if found.identity == backup.source.system_identifier or _is_source(found, address, environment):
        raise Refused(
            f"MongoDB at {address} is the deployment that {backup.id} was made of: a restore never writes there",
            next_step="start a new replica set, restore into that, and compare",
        )
    if _numbers(found.version) < _numbers(backup.source.server_version):
        raise Refused(
            f"MongoDB at {address} is {found.version}, {backup.id} is of {backup.source.server_version}",
            next_step=f"name a deployment of {backup.source.server_version} or later",
        )
    _require_empty(client, address, backup.source.database)
    return found


def _require_empty(client: "Client", address: Address, database: str) -> None:
    there = [each for each in client.list_database_names() if each not in _OWN]
    if not there:
        return
    if database in there and (unfinished := client[database][UNFINISHED].find_one()):
        raise Refused(
            f"{database} at {address} is half of a restore of {unfinished.get('backup')}, begun at "
            f"{unfinished.get('begun'):%Y-%m-%d %H:%M:%S} UTC",
            next_step=f"wait if it is running; else drop it there (use {database}; db.dropDatabase()), and run this "
            "again",
        )
    raise Refused(
        f"MongoDB at {address} is not empty: it has {', '.join(sorted(there)[:5])}; a restore never writes over data",
        next_step="name a deployment without databases of its own, or drop what is there",
    )


def _is_source(found: Deployment, address: Address, environment: Mapping[str, str]) -> bool:
    """Whether production's own variables name it."""
    if not environment.get("MONGO_URL"):
        return False
    with suppress(Refused):
        production = Address.of(environment)
        return bool({*production.hosts} & {*address.hosts, *(each.lower() for each in found.hosts)})
    return False


@contextmanager
def filling(client: "Client", address: Address, backup: Manifest) -> Iterator[list[str]]:
    """Mark the database as unfinished meanwhile. Whoever fills it adds the name of each collection before making it:
    when something is raised, those are dropped again. Raises Refused when another restore has begun there."""
    from pymongo.errors import CollectionInvalid, OperationFailure, PyMongoError

    database: Any = client[backup.source.database]
    try:
        database.create_collection(UNFINISHED)
    except (CollectionInvalid, OperationFailure) as error:
        if isinstance(error, OperationFailure) and error.code != _EXISTS:
            raise
        raise Refused(f"another restore into {address} has begun", next_step="wait for it, or end it") from None
    database[UNFINISHED].insert_one({"backup": backup.id, "begun": datetime.now(UTC)})
    made = list[str]()
    try:
        yield made
    except BaseException as error:
        try:
            for name in (*reversed(made), UNFINISHED):
                database.drop_collection(name)
        except PyMongoError:
            if isinstance(error, DrError):
                raise Failed(
                    f"{error.what}; half of a restore is left at {address}",
                    next_step=f"drop it there (use {database.name}; db.dropDatabase()); then: {error.next_step}",
                ) from None
        raise
    database.drop_collection(UNFINISHED)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split(".")[:2] if each.isdigit())
