"""`dr backup redis`, `dr verify` and `dr restore redis` as people and CronJobs run them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from lab.aws.site import Aws
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED
from tests.support.clients import destroy_bucket
from tests.support.command_line import dr_here
from tests.support.fakes import held_lease
from tests.support.redis_site import RedisSite, with_bucket
from tests.support.restore_site import flipped

BUCKET = "ultramarket-backups-123456789012-us-east-1"
SECRET = "s3cret-of-redis"


@pytest.fixture
def site(
    redis_source: RedisSite,
    aws: Aws,
    lease_at: Callable[[str], DynamoLeaseStore],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RedisSite]:
    """Production with its lease held, its own bucket, empty, and a login at its Redis."""
    lease_at("prod").create(held_lease())
    redis_source.replica.ask("ACL", "SETUSER", "dr_backup", "on", f">{SECRET}", "+@all", "~*")
    made = with_bucket(redis_source, aws)
    made = replace(made, more={"REDIS_USER": "dr_backup", "REDIS_PASSWORD": SECRET})
    for name, value in (aws.env("prod") | made.environment | {"DR_SITE": "prod"}).items():
        monkeypatch.setenv(name, value)
    made.s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    yield replace(made, store=S3Bucket(BUCKET, "us-east-1"))
    redis_source.replica.ask("ACL", "DELUSER", "dr_backup")
    aws.reach.restore_all()
    destroy_bucket(made.s3, BUCKET)


def test_a_copy_is_made_listed_verified_and_restored(
    site: RedisSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here("backup", "redis", "snapshot", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert f"{site.product.capitalize()} {site.version} replica" in said.err
    assert dr_here("backup", "redis", "full") == EXIT_DONE
    capsys.readouterr()

    assert dr_here("backups", "--json") == EXIT_DONE
    listed = json.loads(capsys.readouterr().out)
    assert made["id"] in [each["id"] for each in listed["backups"]] and len(listed["backups"]) == 2

    assert dr_here("verify", "--dataset", "redis", "--kind", "snapshot", "--json") == EXIT_DONE
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["id"] == made["id"] and verdict["remark"].startswith(f"{site.product}-check-rdb read")
    assert dr_here("verify", "--dataset", "redis", "--kind", "full") == EXIT_DONE
    assert "-check-rdb read" in capsys.readouterr().out

    target = ["--to", made["id"], "--into", str(tmp_path / "data"), "--owner", "nobody", "--from", "prod"]
    server = ["--server", f"{site.product}-{site.version}"]
    assert dr_here("restore", "redis", *target, *server) == EXIT_DONE
    shown = capsys.readouterr().out
    assert "users and their rights" in shown and "2 moments from" in shown and "Nothing was done" in shown
    assert not (tmp_path / "data").exists()
    assert dr_here("restore", "redis", *target, *server, "--execute") == EXIT_DONE
    said = capsys.readouterr().out
    assert f"start it with {site.product}-server" in said and "as of" in said
    assert (tmp_path / "data" / "dump.rdb").exists()


def test_a_server_that_cannot_load_it_is_refused_with_two(
    site: RedisSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # pitfall 5.8
    assert dr_here("backup", "redis", "snapshot") == EXIT_DONE
    asked = ["restore", "redis", "--into", str(tmp_path / "data"), "--from", "prod", "--server", "redis-5.0"]
    assert dr_here(*asked) == (EXIT_REFUSED if site.product == "valkey" else EXIT_DONE)
    assert ("cannot load VALKEY080" in capsys.readouterr().err) == (site.product == "valkey")


def test_a_damaged_copy_fails_verification_with_one(site: RedisSite, capsys: pytest.CaptureFixture[str]) -> None:
    key = site.back_up().manifest.parts[0].key
    body = site.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    site.s3.put_object(Bucket=BUCKET, Key=key, Body=flipped(body))
    assert dr_here("verify", "--dataset", "redis", "--kind", "snapshot", "--json") == EXIT_FAILED
    assert json.loads(capsys.readouterr().out)["verified"] is False


def test_a_password_is_in_nothing_that_is_said(
    site: RedisSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dr_here("backup", "redis", "snapshot") == EXIT_DONE
    monkeypatch.setenv("REDIS_USER", "nobody-known")
    assert dr_here("backup", "redis", "snapshot") == EXIT_REFUSED
    said = capsys.readouterr()
    assert "WRONGPASS" in said.err and SECRET not in said.out + said.err


def test_without_a_server_named_it_is_refused(
    site: RedisSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dr_here("backup", "redis", "snapshot", "--replica", "replica:6379") == EXIT_REFUSED
    assert "name it with REDIS_HOST instead" in capsys.readouterr().err
    monkeypatch.delenv("REDIS_HOST")
    assert dr_here("backup", "redis", "snapshot") == EXIT_REFUSED
    assert "REDIS_HOST in the environment" in capsys.readouterr().err
