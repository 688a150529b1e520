"""A client of a MongoDB deployment, and the wording of everything by which it says no.

The deployment is named by the environment: MONGO_URL (mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME, or mongodb+srv://,
without a login), MONGO_USER, MONGO_PASSWORD, MONGO_AUTH_DATABASE (admin), and for TLS either MONGO_CA (a file with its
authority's certificate) or MONGO_TLS=yes (the system's authorities). A restore's target has the same with
MONGO_TARGET_ in front. pymongo is imported only where a client is made: nothing else has to wait for it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recovery.errors import DrError, Failed, Refused, Unreachable

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    Client = MongoClient[dict[str, Any]]

SOURCE, TARGET = "MONGO", "MONGO_TARGET"
"""What the variables begin with."""
GRANT = (
    'db.getSiblingDB("admin").createRole({role: "dr_backup", privileges: [{resource: {cluster: true}, '
    'actions: ["replSetGetConfig"]}], roles: [{role: "read", db: DATABASE}]})'
)
RESTORE_GRANT = 'the roles "restore" and "clusterMonitor", both on admin'
"""What the login of a restore needs at its target: both are MongoDB's own."""
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_URL = re.compile(r"(mongodb(?:\+srv)?)://([^/?#@]+)(?:/(\?[^/#@]*)?)?")
_UNAUTHORIZED, _LOGIN = (13,), (18, 8000)
_INTERRUPTED = (11600, 11602, 91, 189, 10107, 13435, 13436)
"""The server is ending, or another one is the primary now."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the deployment is and how to get in; the password is in no text made of this."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    login_database: str = "admin"
    tls: bool = False
    authority: str = ""
    prefix: str = SOURCE

    @classmethod
    def of(cls, environment: Mapping[str, str], prefix: str = SOURCE, *, url: str = "") -> "Address":
        """What the environment names; `url` instead of its own. Raises Refused for what is no address, for one with a
        login in it, and for a TLS that is neither yes nor no."""
        given = url or environment.get(f"{prefix}_URL", "")
        tls, authority = environment.get(f"{prefix}_TLS") or "no", environment.get(f"{prefix}_CA", "")
        if "@" in given:
            raise Refused(
                "the address of the MongoDB deployment has a login in it, which others would see",
                next_step=f"take it out, and set {prefix}_USER and {prefix}_PASSWORD",
            )
        if not _URL.fullmatch(given):
            raise Refused(
                f"{given!r} is no address of a MongoDB deployment",
                next_step="write it as mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME",
            )
        if tls not in ("yes", "no"):
            raise Refused(f"{prefix}_TLS is {tls!r}", next_step="set it to yes or no")
        return cls(
            url=given,
            user=environment.get(f"{prefix}_USER", ""),
            password=environment.get(f"{prefix}_PASSWORD", ""),
            login_database=environment.get(f"{prefix}_AUTH_DATABASE") or "admin",
            tls=tls == "yes" or bool(authority),
            authority=authority,
            prefix=prefix,
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """As they are written, in small letters."""
        found = _URL.fullmatch(self.url)
        return tuple(found[2].lower().split(",")) if found else ()

    def member(self, host: str) -> "Address":
        """The same login, at one member alone."""
        return replace(self, url=f"mongodb://{host}/?directConnection=true")

    def __str__(self) -> str:
        """For messages."""
        return ",".join(self.hosts)


@contextmanager
def connected(
    address: Address, *, connect_seconds: float | None = None, answer_seconds: float = _ANSWER_SECONDS
) -> Iterator["Client"]:
    """A client; whatever pymongo raises within it is worded. Raises Refused when the deployment or the authority's
    file will not do, Unreachable when nothing answers or an answer takes longer than `answer_seconds`."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    if address.authority and not Path(address.authority).is_file():
        raise Refused(
            f"{address.prefix}_CA {address.authority} cannot be used: there is no such file",
            next_step="name a file with the authority's certificate in PEM",
        )
    patience = int((connect_seconds or _CONNECT_SECONDS) * 1000)
    options: dict[str, Any] = {
        "appname": "dr",
        "connect": False,
        "serverSelectionTimeoutMS": patience,
        "connectTimeoutMS": patience,
        "socketTimeoutMS": int(answer_seconds * 1000),
    }
    if address.tls:
        options |= {"tls": True} | ({"tlsCAFile": address.authority} if address.authority else {})
    if address.user:
        options |= {"username": address.user, "password": address.password, "authSource": address.login_database}
    with worded(address):
        client: Client = MongoClient(address.url, **options)
        try:
            yield client
        finally:
            with suppress(PyMongoError):
                client.close()


@contextmanager
def worded(address: Address) -> Iterator[None]:
    """Every error of pymongo's becomes one of ours."""
    from pymongo.errors import PyMongoError

    try:
        yield
    except PyMongoError as error:
        raise in_words(address, error) from None


def in_words(address: Address, error: "PyMongoError") -> DrError:
    """What pymongo raised, with the next step. Refused when the deployment answered and will not have us."""
    from pymongo import errors

    prefix, said = address.prefix, said_by(error)
    if isinstance(error, errors.OperationFailure):
        return _no(address, error, said)
    if isinstance(error, errors.ConfigurationError | errors.InvalidURI):
        return Refused(f"MongoDB at {address} cannot be asked: {said}", next_step=f"correct {prefix}_URL")
    if "certificate" in said or "SSL" in said:
        return Refused(
            f"MongoDB at {address} does not agree on TLS: {said}",
            next_step=f"compare {prefix}_CA and {prefix}_TLS with what the server offers",
        )
    if isinstance(error, errors.ServerSelectionTimeoutError):
        return Unreachable(
            f"MongoDB at {address} does not answer: {said}",
            next_step=f"check {prefix}_URL, its replicaSet and {prefix}_TLS, and whether the network lets this machine "
            "through",
        )
    if isinstance(error, errors.NetworkTimeout):
        return Unreachable(
            f"MongoDB at {address} did not answer in time: {said}", next_step="look at its load and the network"
        )
    return Unreachable(
        f"MongoDB at {address} was lost: {said}", next_step="look whether the server runs, and run this again"
    )


def _no(address: Address, error: "PyMongoError", said: str) -> DrError:
    """The server's own words, by their code."""
    code = getattr(error, "code", None)
    if code in _LOGIN:
        return Refused(
            f"MongoDB at {address} turns this login away: {said}",
            next_step=f"set {address.prefix}_USER, {address.prefix}_PASSWORD and {address.prefix}_AUTH_DATABASE to "
            "what the server knows",
        )
    if code in _UNAUTHORIZED:
        needed = f"grant it {RESTORE_GRANT}" if address.prefix == TARGET else f"grant it what a copy needs: {GRANT}"
        return Refused(f"MongoDB at {address} does not let this login: {said}", next_step=needed)
    if code in _INTERRUPTED:
        return Unreachable(f"MongoDB at {address} ended the request: {said}", next_step="run this again")
    return Failed(f"MongoDB at {address} says: {said}", next_step="look at the server's log")


def said_by(error: "PyMongoError") -> str:
    """In one line: the server's words alone, or the driver's without its settings."""
    details = getattr(error, "details", None)
    text = str(details.get("errmsg") or error) if isinstance(details, Mapping) else str(error)
    text = re.split(r" ?\(configured timeouts|, Timeout: |, full error: ", text)[0]
    return " ".join(text.split()) or type(error).__name__
