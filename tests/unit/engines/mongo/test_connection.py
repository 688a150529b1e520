"""Addresses, and every way in which a deployment says no."""

import re

import pytest
from pymongo import errors

from engines.mongo.connection import TARGET, Address, in_words
from recovery.errors import DrError, Failed, Refused, Unreachable

SECRET = "s3cret-of-mongo"
URL = "mongodb://db-0.example:27017,DB-1.example:27017/?replicaSet=rs0"


def test_an_address_names_hosts_and_its_words_have_no_login() -> None:
    address = Address.of({"MONGO_URL": URL, "MONGO_USER": "dr_backup", "MONGO_PASSWORD": SECRET})
    assert address.hosts == ("db-0.example:27017", "db-1.example:27017")
    assert str(address) == "db-0.example:27017,db-1.example:27017"
    assert address.login_database == "admin" and not address.tls
    assert SECRET not in f"{address!r}{address}"
    member = address.member("db-1.example:27017")
    assert (member.url, member.password) == ("mongodb://db-1.example:27017/?directConnection=true", SECRET)


def test_a_target_has_variables_of_its_own() -> None:
    environment = {"MONGO_USER": "source", "MONGO_TARGET_USER": "target", "MONGO_TARGET_CA": "/ca.pem"}
    address = Address.of(environment, TARGET, url="mongodb+srv://cluster.example")
    assert (address.user, address.tls, address.authority) == ("target", True, "/ca.pem")


@pytest.mark.parametrize(
    "url", ["", "localhost:27017", "http://h/", "mongodb://", "mongodb://h/database", "mongodb://h/?x#y", "mongodb:///"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="is no address of a MongoDB deployment"):
        Address.of({"MONGO_URL": url})


def test_an_address_with_a_login_in_it_is_refused_without_being_repeated() -> None:
    with pytest.raises(Refused, match="the address of the MongoDB deployment has a login in it") as refusal:
        Address.of({"MONGO_URL": f"mongodb://me:{SECRET}@h:27017/"})
    assert SECRET not in str(refusal.value) and "MONGO_PASSWORD" in refusal.value.next_step


def test_tls_is_yes_or_no() -> None:
    with pytest.raises(Refused, match="MONGO_TLS is 'true'"):
        Address.of({"MONGO_URL": URL, "MONGO_TLS": "true"})


SAID = [
    (errors.OperationFailure("Authentication failed.", 18), Refused, "turns this login away: Authentication failed"),
    (
        errors.OperationFailure("x", 13, {"errmsg": "not authorized on admin to execute command"}),
        Refused,
        "does not let this login: not authorized",
    ),
    (errors.OperationFailure("no such command", 59), Failed, "says: no such command"),
    (errors.OperationFailure("interrupted at shutdown", 11600), Unreachable, "ended the request"),
    (errors.ConfigurationError("unknown option"), Refused, "cannot be asked: unknown option"),
    (
        errors.ServerSelectionTimeoutError(
            "h:1: [Errno 111] Connection refused (configured timeouts: socketTimeoutMS: 2.0ms), Timeout: 1s, Topology "
            "Description: <TopologyDescription id: 1>"
        ),
        Unreachable,
        r"does not answer: h:1: \[Errno 111\] Connection refused$",
    ),
    (
        errors.ServerSelectionTimeoutError("h:1: SSL handshake failed: certificate verify failed, Timeout: 1s"),
        Refused,
        "does not agree on TLS: h:1: SSL handshake failed: certificate verify failed$",
    ),
    (errors.NetworkTimeout("h:1: timed out (configured timeouts: x)"), Unreachable, "did not answer in time"),
    (errors.AutoReconnect("connection closed"), Unreachable, "was lost: connection closed"),
]


@pytest.mark.parametrize(("error", "kind", "said"), SAID, ids=[type(each[0]).__name__ for each in SAID])
def test_whatever_the_driver_raises_becomes_one_line_and_a_next_step(
    error: errors.PyMongoError, kind: type[DrError], said: str
) -> None:
    found = in_words(Address.of({"MONGO_URL": URL}), error)
    assert type(found) is kind
    assert re.search(said, found.what)
    assert "\n" not in found.what and found.next_step


@pytest.mark.parametrize(("prefix", "grant"), [("MONGO", "dr_backup"), (TARGET, '"restore"')])
def test_a_login_without_a_right_is_told_what_to_grant(prefix: str, grant: str) -> None:
    address = Address.of({}, prefix, url=URL)
    assert grant in in_words(address, errors.OperationFailure("not authorized", 13)).next_step
