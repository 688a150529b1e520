"""The lab's two providers under Pulumi's real engine: what they know, refuse, replace, notice and never touch."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lab import binaries
from lab.aws.site import Aws
from lab.engine import Engine, Result
from lab.providers.aws import AwsProvider
from lab.providers.aws_base import Clients
from lab.providers.replacement import table
from lab.providers.serving import ProviderError
from tests.lab.clients import client, unique
from tests.lab.conftest import PYTHON_IMAGE, Workspace

PROGRAMS = Path(__file__).with_name("programs")
STACK = "dev"
MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(tmp_path: Path) -> MakeEngine:
    """An engine on one of the programs, with its config and environment."""
    tools = str(binaries.find().bin)

    def make(program: str, config: dict[str, str], env: dict[str, str]) -> Engine:
        project = tmp_path / "project"
        project.mkdir()
        (project / "Pulumi.yaml").write_text("name: scratch\nruntime: python\n")
        (project / "__main__.py").write_text((PROGRAMS / program).read_text())
        settings = "".join(f"  {key if ':' in key else f'scratch:{key}'}: {value}\n" for key, value in config.items())
        (project / f"Pulumi.{STACK}.yaml").write_text(f"config:\n{settings}")
        common = {"LAB_RUN": "test", "LAB_BIN": tools, "LAB_STATE_DIR": str(tmp_path / "kept")}
        engine = Engine(project, tmp_path / "home", {**common, **env}, tmp_path / "bin")
        engine.init(STACK)
        return engine

    return make


def set_version(engine: Engine, version: int) -> None:
    """The program's second version differs from the first."""
    settings = engine.project_dir / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(settings.read_text())
    content["config"]["scratch:version"] = version
    settings.write_text(yaml.safe_dump(content))


def differing(result: Result) -> dict[str, str]:
    """The previewed operation of each resource that would change."""
    found: dict[str, str] = {}
    for step in result.must().changed:
        if step.name != f"scratch-{STACK}" and step.op not in ("delete-replaced", "create-replacement"):
            found[step.name] = step.op
    return found


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
        "zone": zone["HostedZone"]["Id"].split("/")[-1],
    }
    engine = make_engine("aws_every_type.py", config, {**aws.env("operator"), "LAB_CLUSTERS": str(clusters)})
    engine.up(STACK).must()
    return engine, stem


@pytest.mark.timeout(400)
def test_every_aws_type_is_made_once_and_then_stays_as_it_is(aws_stack: tuple[Engine, str], aws: Aws) -> None:
    engine, stem = aws_stack
    made = {resource["type"] for resource in engine.export(STACK)["deployment"]["resources"]}
    networks = "aws:ec2/"  # made in test_provider_network.py
    assert {token for token in table() if token.startswith("aws:") and not token.startswith(networks)} <= made
    assert differing(engine.preview(STACK)) == {}
    assert differing(engine.preview(STACK, refresh=True)) == {}
    outputs = engine.outputs(STACK)
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
    engine.destroy(STACK).must()


def check_what_replaces(engine: Engine) -> None:
    """Facts of replace.yaml: names and request intervals replace, the rest changes in place; equal JSON is equal."""
    set_version(engine, 2)
    preview = engine.preview(STACK).must()
    assert differing(preview) == {
        "alias": "replace",
        "canary": "update",
        "control": "update",
        "key": "update",
        "lifecycle": "update",
        "local": "update",
        "marker": "replace",
        "primary": "update",
        "secondary": "update",
        "warm": "update",
    }
    replaced = {step.name: step for step in preview.changed if step.op == "replace"}
    assert replaced["alias"].changed == ("name",)
    assert replaced["alias"].replaces == ("name",)
    (lifecycle,) = [step for step in preview.changed if step.name == "lifecycle"]
    assert lifecycle.changed == ("rules[0].expiration.days",)
    set_version(engine, 1)


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
    set_version(engine, 2)
    aws.reach.region_gone("us-east-1")
    result = engine.up(STACK)
    assert result.code != 0
    assert "local (Bucket in us-east-1): us-east-1 cannot be reached" in result.output
    aws.reach.restore_all()
    engine.up(STACK).must()
    assert differing(engine.preview(STACK)) == {}


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


@pytest.mark.parametrize("how", ["refused", "blackhole"])
def test_a_region_that_is_gone_is_noticed_within_three_seconds(how: str, at_the_operator: Aws) -> None:
    clients = Clients()
    clients.client("sts", "us-east-1")  # loading botocore's data is not what is measured
    at_the_operator.reach.region_gone("us-east-1", how)  # pyright: ignore[reportArgumentType]
    started = time.monotonic()
    with pytest.raises(ProviderError, match="us-east-1 cannot be reached"):
        clients.call("s3", "us-east-1", "list_buckets")
    assert time.monotonic() - started < 3


LOCAL = {"LAB_RUN": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("module", "env", "said"),
    [
        ("aws", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "LAB_RUN is not set"),
        ("aws", {"LAB_RUN": "x"}, "AWS_ENDPOINT_URL is not set"),
        ("aws", {"LAB_RUN": "x", "AWS_ENDPOINT_URL": "https://s3.amazonaws.com"}, "is not a loopback address"),
        ("aws", {**LOCAL, "AWS_ENDPOINT_URL_S3": "http://localhost:1"}, "AWS_ENDPOINT_URL_S3"),
        ("kubernetes", {}, "LAB_RUN is not set"),
        ("kubernetes", {"LAB_RUN": "x", "KUBECONFIG": "kubeconfig"}, "is not a loopback address"),
    ],
)
def test_73_a_plugin_outside_the_lab_refuses_to_start(
    module: str, env: dict[str, str], said: str, tmp_path: Path
) -> None:
    elsewhere = {"clusters": [{"name": "real", "cluster": {"server": "https://eks.example.com"}}]}
    (tmp_path / "kubeconfig").write_text(json.dumps(elsewhere))
    repository = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", f"lab.providers.{module}", "127.0.0.1:1"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": repository, "HOME": str(tmp_path), **env},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "refused to start" in done.stderr
    assert said in done.stderr


@pytest.mark.timeout(400)
def test_every_kubernetes_kind_is_made_once_and_only_declared_fields_are_ours(
    make_engine: MakeEngine, space: Workspace, tmp_path: Path
) -> None:
    namespace = unique("every")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(space.cluster.kubeconfig().read_text())
    config = {"namespace": namespace, "image": PYTHON_IMAGE, "kubeconfig": str(kubeconfig)}
    engine = make_engine("kubernetes_every_kind.py", config, {})
    engine.run("config", "set", "--secret", "password", "tiger-in-the-tank", stack=STACK).must()
    engine.up(STACK).must()
    state = engine.export(STACK)
    made = {resource["type"] for resource in state["deployment"]["resources"]}
    assert {token for token in table() if token.startswith("kubernetes:")} <= made
    assert "tiger-in-the-tank" not in json.dumps(state)
    outputs = engine.outputs(STACK)
    assert outputs["address"].startswith("127.")
    assert outputs["made_up"].startswith("made-up-")

    apps = f"/apis/apps/v1/namespaces/{namespace}/deployments/orders"
    space.api.merge(apps, {"spec": {"replicas": 2}, "metadata": {"labels": {"by": "promotion"}}})
    assert differing(engine.preview(STACK, refresh=True)) == {}, "what we did not declare is not ours"

    set_version(engine, 2)
    assert differing(engine.preview(STACK)) == {
        "settings": "replace",
        "once": "replace",
        "orders": "update",
        "standby": "update",
        "nightly": "update",
    }
    engine.up(STACK).must()
    # Made first and deleted after, an object with the same name would be gone now.
    settings = space.api.get(f"/api/v1/namespaces/{namespace}/configmaps/dr-config")
    assert settings["data"] == {"rpo": "60"}
    assert space.api.get(apps)["spec"]["replicas"] == 2, "an update leaves the promotion's scale alone"

    space.api.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/dr-config")
    assert differing(engine.preview(STACK, refresh=True)) == {"settings": "create"}
    engine.destroy(STACK).must()


def test_a_deployment_that_does_not_become_ready_fails_the_run_and_stays_in_the_state(
    make_engine: MakeEngine, space: Workspace
) -> None:
    config = {"namespace": space.name, "kubeconfig": str(space.cluster.kubeconfig())}
    engine = make_engine("kubernetes_not_ready.py", config, {})
    result = engine.up(STACK)
    assert not result.ok
    assert f"late (Deployment {space.name}/late) not ready after 5 s: 0 of 1 replicas ready" in result.output
    assert "ErrImagePull" in result.output or "ImagePullBackOff" in result.output
    kept = [one for one in engine.export(STACK)["deployment"]["resources"] if one["type"].endswith(":Deployment")]
    assert [one["id"] for one in kept] == [f"{space.name}/late"]
