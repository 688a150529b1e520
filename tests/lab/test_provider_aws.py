"""The lab's AWS provider under Pulumi's real engine: what it knows, refuses, replaces, notices and never touches."""

import json
import time
from pathlib import Path

import pytest

from lab.aws.site import Aws
from lab.machine.engine import Engine
from lab.providers.aws.base import Clients
from lab.providers.aws.provider import AwsProvider
from lab.providers.replacement import table
from lab.providers.serving import ProviderError
from tests.support.clients import client, unique
from tests.support.scratch_engine import NODES, STACK, MakeEngine, configure, differing
from tests.support.scratch_engine import make_engine as make_engine  # a fixture


@pytest.fixture
def aws_stack(make_engine: MakeEngine, aws: Aws, tmp_path: Path) -> tuple[Engine, str]:
    """Every AWS type, applied; and the stem of its names."""
    stem = unique("um")
    zone = client(aws, "route53", "operator").create_hosted_zone(Name="shop.test", CallerReference=stem)
    clusters = tmp_path / "clusters.json"
    clusters.write_text(json.dumps({f"{stem}-dr": {"endpoint": "https://127.9.9.9:6443", "ca_data": "Q0E="}}))
    config = {
        "aws:region": "us-west-2",
        "aws:allowedAccountIds": '["123456789012"]',
        "aws:defaultTags": '{"tags": {"owner": "dr"}}',
        "stem": stem,
        "certificate": client(aws, "acm", "operator").request_certificate(DomainName="shop.test")["CertificateArn"],
        "zone": zone["HostedZone"]["Id"].split("/")[-1],
    }
    engine = make_engine("aws_every_type.py", config, {**aws.env("operator"), "LAB_CLUSTERS": str(clusters)})
    engine.up(STACK).must()
    return engine, stem


def test_every_aws_type_is_made_once_and_then_stays_as_it_is(aws_stack: tuple[Engine, str], aws: Aws) -> None:
    engine, stem = aws_stack
    made = {resource["type"] for resource in engine.export(STACK)["deployment"]["resources"]}
    networks = ("aws:ec2/", "aws:route53/zoneAssociation")  # made in test_provider_network.py; security groups here
    assert {token for token in table() if token.startswith("aws:") and not token.startswith(networks)} <= made
    assert NODES in made
    assert differing(engine.preview(STACK, refresh=True)) == {}
    outputs = engine.outputs(STACK)
    assert outputs["edge"].endswith(".us-west-2.elb.amazonaws.com")
    assert outputs["endpoint"] == "https://127.9.9.9:6443"
    assert outputs["certificate"] == "Q0E="
    assert outputs["local"].startswith("local-")
    assert len(outputs["local"]) == len("local-") + 7
    assert outputs["domain"] == f"{stem}-backups.s3.us-west-2.amazonaws.com"
    tags = client(aws, "s3", "operator", "us-east-1").get_bucket_tagging(Bucket=outputs["local"])["TagSet"]
    assert {"Key": "owner", "Value": "dr"} in tags

    check_what_replaces(engine)
    check_changes_behind_our_back(engine, stem, aws)
    check_a_region_that_is_gone(engine, aws)
    engine.run("state", "unprotect", "--all", "--yes", stack=STACK).must()  # the edge is
    engine.destroy(STACK).must()


def check_what_replaces(engine: Engine) -> None:
    """Facts of replace.yaml: names and request intervals replace, the rest changes in place; equal JSON is equal."""
    configure(engine, "version", 2)
    preview = engine.preview(STACK).must()
    assert differing(preview) == {
        "alias": "replace",
        "canary": "update",
        "control": "update",
        "edge-auth": "create",
        "edge-auth-nodes": "create",
        "edge-auth-rule": "create",
        "edge-cart": "delete",
        "edge-cart-nodes": "delete",
        "edge-cart-rule": "delete",
        "key": "update",
        "lifecycle": "update",
        "local": "update",
        "logs": "update",
        "marker": "replace",
        "node": "update",
        "primary": "update",
        "secondary": "update",
        "warm": "update",
    }
    replaced = {step.name: step for step in preview.changed if step.op == "replace"}
    assert replaced["alias"].changed == ("name",)
    assert replaced["alias"].replaces == ("name",)
    (lifecycle,) = [step for step in preview.changed if step.name == "lifecycle"]
    assert lifecycle.changed == ("rules[0].expiration.days",)
    configure(engine, "version", 1)


def check_changes_behind_our_back(engine: Engine, stem: str, aws: Aws) -> None:
    s3, iam = client(aws, "s3", "operator"), client(aws, "iam", "operator")
    s3.delete_bucket_policy(Bucket=f"{stem}-backups")
    block = {
        "BlockPublicAcls": False,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    s3.put_public_access_block(Bucket=f"{stem}-backups", PublicAccessBlockConfiguration=block)
    iam.tag_role(RoleName=f"{stem}-replication", Tags=[{"Key": "by", "Value": "hand"}])
    assert differing(engine.preview(STACK, refresh=True)) == {"tls": "create", "closed": "update", "role": "update"}


def check_a_region_that_is_gone(engine: Engine, aws: Aws) -> None:
    """What is homed there fails, naming it; what is homed elsewhere is changed."""
    configure(engine, "version", 2)
    aws.reach.region_gone("us-east-1")
    # Else the engine stops at the first of several that fail, and which is first is a matter of chance.
    options = ("--yes", "--skip-preview", "--suppress-progress", "--continue-on-error")
    result = engine.run("up", *options, stack=STACK)
    assert result.code != 0
    assert "local (Bucket in us-east-1): us-east-1 cannot be reached" in result.output
    aws.reach.restore_all()
    engine.up(STACK).must()


def test_a_mistake_in_the_program_fails_the_preview_naming_the_property(make_engine: MakeEngine, aws: Aws) -> None:
    result = make_engine("aws_mistake.py", {"aws:region": "us-west-2"}, aws.env("operator")).preview(STACK)
    assert not result.ok
    said = "versioningConfiguration.mfaDelet: unknown property; did you mean mfaDelete?"
    assert f"resource 'wrong' has a problem: {said}" in result.tail()


@pytest.fixture
def at_the_operator(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """This process takes the plugin's place."""
    for key, value in aws.env("operator").items():
        monkeypatch.setenv(key, value)
    return aws


@pytest.mark.usefixtures("at_the_operator")
def test_credentials_of_another_account_are_refused() -> None:
    config = {"region": "us-west-2", "allowedAccountIds": '["999999999999"]'}
    with pytest.raises(
        ProviderError, match="belong to account 123456789012, which is not among the allowed 999999999999"
    ):
        AwsProvider().do_configure(config)


@pytest.mark.usefixtures("at_the_operator")
def test_a_role_s_account_counts_and_one_elsewhere_is_refused() -> None:
    roles = json.dumps([{"roleArn": "arn:aws:iam::210987654321:role/x", "sessionName": "test"}])
    provider = AwsProvider()
    provider.do_configure({"region": "us-west-2", "allowedAccountIds": '["210987654321"]', "assumeRoles": roles})
    assert provider.own_account() == "210987654321"
    with pytest.raises(
        ProviderError, match="belong to account 210987654321, which is not among the allowed 12345678901"
    ):
        AwsProvider().do_configure(
            {"region": "us-west-2", "allowedAccountIds": '["123456789012"]', "assumeRoles": roles}
        )


@pytest.mark.parametrize("how", ["refused", "blackhole"])
def test_a_region_that_is_gone_is_noticed_within_three_seconds(how: str, at_the_operator: Aws) -> None:
    clients = Clients()
    clients.client("sts", "us-east-1")  # loading botocore's data is not what is measured
    at_the_operator.reach.region_gone("us-east-1", how)  # pyright: ignore[reportArgumentType]
    started = time.monotonic()
    with pytest.raises(ProviderError, match="us-east-1 cannot be reached"):
        clients.call("s3", "us-east-1", "list_buckets")
    assert time.monotonic() - started < 3
