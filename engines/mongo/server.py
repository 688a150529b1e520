"""Which MongoDB answered, whether it can be copied so that a log goes on from the copy, and of which member."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from engines.mongo.connection import Address, connected
from recovery.errors import DrError, Refused
from recovery.lease.backup_runs import FROM_PRIMARY
from recovery.units import read_duration

if TYPE_CHECKING:
    from engines.mongo.connection import Client

NOOP = timedelta(seconds=10)
"""How often an idle primary writes that it is there (periodicNoopIntervalSecs), so a member that has all of it may seem
to be so far behind."""
OLDEST = (6, 0)
"""Before this a change stream has no post-images."""
_UNKNOWN_COMMAND = 59
_ASKED_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a replica set says of itself. `identity` is its own and no other's: the id that it was initiated with."""

    identity: str
    version: str
    set_name: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One that has data: whether it takes the writes, and when the last one that it has was made."""

    host: str
    primary: bool
    written: datetime | None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The member that a copy is read of; `remark`: why it is not another one, where there are others."""

    host: str
    primary: bool
    alone: bool
    remark: str = ""

    @property
    def words(self) -> str:
        """For people."""
        if self.primary:
            return f"primary {self.host}, which is alone" if self.alone else f"primary {self.host}"
        return f"secondary {self.host}"


def describe(client: "Client", address: Address) -> Deployment:
    """Raises Refused for a server that is no member of a replica set, for a router, and for one that is too old."""
    from pymongo import ReadPreference

    admin = client.get_database("admin", read_preference=ReadPreference.SECONDARY_PREFERRED)
    hello = admin.command("hello")
    if hello.get("msg") == "isdbgrid":
        raise Refused(
            f"MongoDB at {address} is sharded, and a copy of it would not be of one moment",
            next_step="name a replica set; copies of a sharded cluster are not made",
        )
    if not hello.get("setName"):
        raise Refused(
            f"MongoDB at {address} is no replica set, so it has no log that a copy could be brought up to date by",
            next_step="start it with --replSet and run rs.initiate(); one member is enough",
        )
    version = str(admin.command("buildInfo").get("version", ""))
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdigit())
    if numbers < OLDEST:
        raise Refused(
            f"the server is MongoDB {version}; copies are made of {OLDEST[0]}.{OLDEST[1]} and later",
            next_step=f"update it, or name another one with {address.prefix}_URL",
        )
    hosts = tuple(str(each) for each in (*hello.get("hosts", ()), *hello.get("passives", ())))
    return Deployment(
        identity=_identity(admin, hello, hosts), version=version, set_name=str(hello["setName"]), hosts=hosts
    )


def _identity(admin: Any, hello: Mapping[str, Any], hosts: Sequence[str]) -> str:
    """The id of the set. A server that does not know the question (the stand-in of the tests) is told from others by
    its name and address."""
    from pymongo.errors import OperationFailure

    try:
        config = admin.command("replSetGetConfig")["config"]
        return str(config["settings"]["replicaSetId"])
    except OperationFailure as error:
        if error.code != _UNKNOWN_COMMAND:
            raise
    where = hashlib.sha256(" ".join(sorted(hosts)).encode()).hexdigest()[:12]
    name = "".join(each for each in str(hello["setName"]) if each.isalnum() or each in "-_")
    return f"{name}-{where}"


def choose_member(deployment: Deployment, address: Address, *, replica_lag: timedelta) -> Reader:
    """The secondary that has most, so that customers do not wait; the primary where none will do. Raises Unreachable
    when no member answers."""
    members, silent = list[Member](), list[str]()
    for host in deployment.hosts:
        try:
            found = _member(address, host)
        except DrError as error:
            silent.append(error.what)
            continue
        if found:
            members.append(found)
    primary = next((each for each in members if each.primary), None)
    newest = max((each.written for each in members if each.written), default=None)
    fit, why = list[Member](), silent
    for each in members:
        if each.primary:
            continue
        behind = newest - each.written if newest and each.written else timedelta(0)
        if behind > replica_lag + NOOP:
            why.append(f"{each.host} is {read_duration(timedelta(seconds=behind.seconds))} behind")
        else:
            fit.append(each)
    alone = len(deployment.hosts) == 1
    if fit:
        best = max(fit, key=lambda each: (each.written.timestamp() if each.written else 0.0, each.host))
        return Reader(host=best.host, primary=False, alone=alone)
    if primary:
        remark = "" if alone else f"{FROM_PRIMARY} {primary.host}: {'; '.join(why) or 'no other member has data'}"
        return Reader(host=primary.host, primary=True, alone=alone, remark=remark)
    raise Refused(
        f"no member of {deployment.set_name} can be read: {'; '.join(why) or 'it names none that has data'}",
        next_step="look at rs.status() there, and whether the network lets this machine reach each of its members",
    )


def _member(address: Address, host: str) -> Member | None:
    """None for one that has no data to give: an arbiter, or one that is starting."""
    with connected(address.member(host), connect_seconds=_ASKED_SECONDS, answer_seconds=_ASKED_SECONDS) as client:
        hello = client.admin.command("hello")
    primary = bool(hello.get("isWritablePrimary"))
    if not primary and not hello.get("secondary"):
        return None
    return Member(host=host, primary=primary, written=hello.get("lastWrite", {}).get("lastWriteDate"))
