"""foundation on the real engine, with the DR region's copies in an account of their own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.project import with_backup_account
from lab.world import World
from tests.support import clients
from tests.support.lab_stacks import configure

COPIES, PRODUCTION = "210987654321", "123456789012"
ROLE = f"arn:aws:iam::{COPIES}:role/dr-foundation"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """foundation is up in two accounts."""
    world = World()
    try:
        world.start_aws()
        world.make_project()
        project = world.engine.project_dir
        plan = project / "recovery.yaml"
        plan.write_text(with_backup_account(plan.read_text()))
        configure(project, {"foundation:backupAccountRole": ROLE})
        world.start_dns()
        world.adopt_name()
        world.engine.up("foundation").must()
        yield world
    finally:
        world.stop()


def client(world: World, service: str, account: str) -> Any:
    """As somebody of `account`, in the DR region."""
    got = clients.client(world.aws, "sts", "operator").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/anybody", RoleSessionName="test"
    )["Credentials"]
    return clients.made(
        service,
        world.aws.endpoint("operator"),
        "us-west-2",
        (got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]),
    )


def test_each_account_has_its_own_buckets_keys_and_break_glass(world: World) -> None:
    held = {
        account: {each["Name"] for each in client(world, "s3", account).list_buckets()["Buckets"]}
        for account in (COPIES, PRODUCTION)
    }
    assert held[COPIES] == {f"ultramarket-backups-{COPIES}-us-west-2"}
    assert f"ultramarket-backups-{PRODUCTION}-us-east-1" in held[PRODUCTION]
    roles = {each["RoleName"] for each in client(world, "iam", COPIES).list_roles()["Roles"]}
    assert roles == {"ultramarket-dr-break-glass"}
    bucket = f"ultramarket-backups-{COPIES}-us-west-2"
    encryption = client(world, "s3", COPIES).get_bucket_encryption(Bucket=bucket)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    key = rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    assert key.startswith(f"arn:aws:kms:us-west-2:{COPIES}:")


def test_what_s3_was_told_is_what_the_roles_policies_say(world: World) -> None:
    bucket = f"ultramarket-backups-{COPIES}-us-west-2"
    policy = json.loads(client(world, "s3", COPIES).get_bucket_policy(Bucket=bucket)["Policy"])
    role = client(world, "iam", PRODUCTION).get_role_policy(RoleName="ultramarket-dr-shipper", PolicyName="duty")
    own = next(each for each in role["PolicyDocument"]["Statement"] if each["Sid"] == "WriteLogs")
    granted = next(each for each in policy["Statement"] if each["Sid"] == "ShipperWriteLogs")
    assert (granted["Action"], granted["Resource"]) == (own["Action"], own["Resource"])
    assert (
        granted["Condition"]["ArnEquals"]["aws:PrincipalArn"]
        == f"arn:aws:iam::{PRODUCTION}:role/ultramarket-dr-shipper"
    )


def test_a_second_preview_is_empty_also_against_what_is_there(world: World) -> None:
    result = world.engine.preview("foundation", refresh=True)
    assert result.must().changes == 0


def test_a_role_of_another_account_is_refused(world: World) -> None:
    """The provider knows which account it is for; a role elsewhere fails before anything is done."""
    configure(world.engine.project_dir, {"foundation:backupAccountRole": "arn:aws:iam::310987654321:role/x"})
    result = world.engine.preview("foundation")
    assert not result.ok
    assert "expected the ARN of a role in the backup account" in result.output
    configure(world.engine.project_dir, {"foundation:backupAccountRole": ROLE})
