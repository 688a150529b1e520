"""`dr backup mongo`, `dr verify` and `dr restore mongo` as people and CronJobs run them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from lab.aws.site import Aws
from lab.machine.processes import Supervisor
from lab.ultramarket.mongo_server import MongoServer
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED
from tests.support.clients import destroy_bucket
from tests.support.command_line import dr_here
from tests.support.fakes import held_lease
from tests.support.mongo_data import KEPT
from tests.support.mongo_site import DATABASE, MongoSite, with_bucket
from tests.support.restore_site import flipped

BUCKET = "ultramarket-backups-123456789012-us-east-1"
SECRET, OTHER_SECRET = "s3cret-of-mongo", "s3cret-of-target"


@pytest.fixture
def site(
    mongo_server: MongoServer,
    aws: Aws,
    lease_at: Callable[[str], DynamoLeaseStore],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MongoSite]:
    """Production with its lease held, its own bucket, empty, and a catalog of products in its MongoDB."""
    lease_at("prod").create(held_lease())
    made = with_bucket(MongoSite(mongo_server), aws)
    for name, value in (aws.env("prod") | made.environment | {"DR_SITE": "prod"}).items():
        monkeypatch.setenv(name, value)
    with mongo_server.client() as client:
        client[DATABASE].command({"create": "products", **KEPT})
        client[DATABASE]["products"].insert_many([{"_id": number, "price": number} for number in range(500)])
    made.s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    yield replace(made, store=S3Bucket(BUCKET, "us-east-1"))
    with mongo_server.client() as client:
        client.drop_database(DATABASE)
    aws.reach.restore_all()
    destroy_bucket(made.s3, BUCKET)


def test_a_dump_is_made_listed_verified_and_restored(
    site: MongoSite, mongo_target: MongoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here("backup", "mongo", "full", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert "which is alone of secantus, database ultramarket, 1 collections" in said.err

    assert dr_here("backups", "--json") == EXIT_DONE
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["backups"]] == [made["id"]]

    assert dr_here("verify", "--dataset", "mongo", "--json") == EXIT_DONE
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["id"], verdict["remark"]) == (made["id"], "500 documents in 1 collections and views")

    target = ["--to", made["id"], "--into", mongo_target.url, "--from", "prod"]
    assert dr_here("restore", "mongo", *target) == EXIT_DONE
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("500 documents", "users and roles: they are in no copy", "what can be restored", "Nothing was done"):
        assert words in shown
    with mongo_target.client() as client:
        assert DATABASE not in client.list_database_names()
        assert dr_here("restore", "mongo", *target, "--execute") == EXIT_DONE
        said = " ".join(capsys.readouterr().out.split())
        assert "500 documents, read between" in said and "make its users and roles" in said
        assert client[DATABASE]["products"].count_documents({}) == 500
    assert dr_here("restore", "mongo", *target, "--execute") == EXIT_REFUSED
    assert "is not empty: it has ultramarket" in capsys.readouterr().err


def test_a_damaged_dump_fails_verification_with_one(site: MongoSite, capsys: pytest.CaptureFixture[str]) -> None:
    site.back_up()
    (key,) = [key for key in site.object_keys() if key.endswith("products.bson.zst")]
    body = site.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    site.s3.put_object(Bucket=BUCKET, Key=key, Body=flipped(body))
    assert dr_here("verify", "--dataset", "mongo", "--json") == EXIT_FAILED
    assert json.loads(capsys.readouterr().out)["verified"] is False


@pytest.mark.parametrize("into", ["/data/mongo", "localhost:27017", f"mongodb://me:{SECRET}@localhost:27017/"])
def test_a_target_that_is_no_address_or_has_a_login_in_it_is_refused(
    site: MongoSite, into: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.back_up()
    assert dr_here("restore", "mongo", "--into", into, "--from", "prod") == EXIT_REFUSED
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err and "MongoDB" in said.err


def test_nobodys_files_and_no_member_are_asked_for(
    site: MongoSite, mongo_target: MongoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    site.back_up()
    asked = ["restore", "mongo", "--into", mongo_target.url, "--from", "prod"]
    assert dr_here(*asked, "--as-standby") == EXIT_REFUSED
    assert dr_here(*asked, "--execute", "--owner", "nobody") == EXIT_REFUSED
    assert dr_here("backup", "mongo", "full", "--replica", "replica:27017") == EXIT_REFUSED
    assert "name the set with MONGO_URL instead" in capsys.readouterr().err


def test_without_a_deployment_named_it_is_refused(
    site: MongoSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MONGO_URL")
    assert dr_here("backup", "mongo", "full") == EXIT_REFUSED
    assert "MONGO_URL in the environment" in capsys.readouterr().err


def test_a_password_is_in_nothing_that_is_said_and_a_wrong_one_is_told(
    site: MongoSite,
    mongo_target: MongoServer,
    processes: Supervisor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mongo_target.client() as client:
        client.admin.command("createUser", "dr_backup", pwd=SECRET, roles=["root"])
        client.admin.command("createUser", "reader", pwd=SECRET, roles=[])
        client[DATABASE].command({"create": "products", **KEPT})
        client[DATABASE]["products"].insert_one({"_id": 1})
    processes.stop(mongo_target.name)
    login = {"MONGO_USER": "dr_backup", "MONGO_PASSWORD": SECRET}
    replace(mongo_target, login=login).start("--auth")
    monkeypatch.setenv("MONGO_URL", mongo_target.url)
    told = {
        ("dr_backup", SECRET): (EXIT_DONE, ""),
        ("dr_backup", OTHER_SECRET): (EXIT_REFUSED, "turns this login away"),
        ("", ""): (EXIT_REFUSED, "does not let this login|turns this login away"),
        ("reader", SECRET): (EXIT_REFUSED, "does not let this login"),
    }
    for (user, password), (code, words) in told.items():
        monkeypatch.setenv("MONGO_USER", user)
        monkeypatch.setenv("MONGO_PASSWORD", password)
        assert dr_here("backup", "mongo", "full") == code, user
        said = capsys.readouterr()
        assert any(each in said.err for each in words.split("|"))
        assert SECRET not in said.out + said.err and OTHER_SECRET not in said.out + said.err
