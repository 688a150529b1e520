"""Stack configuration: every problem at once, each with its key and what was expected."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from infra import program
from infra.settings.dr import dr_settings
from infra.settings.foundation import foundation_settings
from infra.settings.primary_tls import TlsSettings
from infra.settings.prod import prod_settings
from lab.previews import PRIMARY_CA
from recovery.errors import PlanError
from recovery.site.capacity import POSTGRES, Size
from tests.support.project import current_stack
from tests.support.stacks import ROOT, committed_config, configure

OWN_NETWORK = {
    "subnetIds": None,
    "publicSubnetIds": None,
    "vpcCidr": "10.2.0.0/16",
    "zones": ["us-west-2a", "us-west-2b"],
}
BALANCER = "ultramarket-dr-edge-1.us-west-2.elb.amazonaws.com"
DIGEST = "sha256:" + "a" * 64
AT_HOME_IN_US_EAST_1 = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_01"
READERS = {"foundation": foundation_settings, "prod": prod_settings, "dr": dr_settings}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pulumi runs the program in the project's folder."""
    with current_stack(monkeypatch, "test"):
        yield


def problems(stack: str, changes: dict[str, Any], **options: Any) -> list[str]:
    """What reading the configuration says."""
    configure(stack, changes, **options)
    with pytest.raises(PlanError) as caught:
        READERS[stack]()
    return list(caught.value.problems)


@pytest.mark.parametrize("stack", READERS)
def test_the_committed_example_values_are_valid(stack: str) -> None:
    configure(stack)
    assert READERS[stack]().account == "123456789012"


@pytest.mark.parametrize("stack", READERS)
def test_no_secret_has_a_committed_value(stack: str) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    committed = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert not [line for line in committed if "assword" in line]


def test_all_problems_are_named_at_once() -> None:
    found = problems("prod", {"account": "12", "clusterEndpoint": None, "primaryPort": "99999", "guardMode": "on"})
    assert [line.split(": ")[0] for line in found] == [
        f"ultramarket-dr:{key}" for key in ("account", "clusterEndpoint", "guardMode", "primaryPort")
    ]
    assert found[1].startswith("ultramarket-dr:clusterEndpoint: missing; expected https://")
    assert found[2] == "ultramarket-dr:guardMode: expected off, observe or enforce, found 'on'"


def test_a_missing_secret_says_how_to_set_it() -> None:
    assert problems("prod", {"backupPassword": None}) == [
        "ultramarket-dr:backupPassword: missing; the database role dr_backup logs in with it: "
        "pulumi config set --secret ultramarket-dr:backupPassword"
    ]


def test_a_secret_in_plain_text_is_refused_without_repeating_it() -> None:
    (found,) = problems("prod", {"backupPassword": "hunter2"}, plain=("backupPassword",))
    assert "plain text" in found
    assert "hunter2" not in found


def test_a_misspelt_key_is_an_error() -> None:
    (found,) = problems("prod", {"gaurdMode": "enforce"})
    assert found.startswith("ultramarket-dr:gaurdMode: unknown key; this stack reads acceptIncrementalsOf, account")


@pytest.mark.parametrize(
    ("stack", "changes", "expected"),
    [
        ("prod", {"runnerImage": "ultramarket/dr-runner:latest"}, "runnerImage: expected an image with digest"),
        ("dr", {"serviceImages": {"auth": "auth:1"}}, "serviceImages.auth: expected an image with digest"),
        ("dr", {"serviceImages": "auth"}, "serviceImages: expected an object"),
        ("dr", {"subnetIds": ["subnet-0123456789abcdef0"]}, "subnetIds: expected a list of at least 2"),
        ("dr", {"vpcCidr": "10.2.0.0/16"}, "subnetIds: expected either subnetIds or vpcCidr, found both"),
        (
            "dr",
            {"publicSubnetIds": None},
            "publicSubnetIds: missing; expected a list: a public subnet's id for the edge",
        ),
        ("dr", {"publicSubnetIds": ["subnet-0123456789abcdef0", "subnet-01"]}, "publicSubnetIds: expected a public"),
        ("dr", {"publicSubnetIds": ["subnet-0123456789abcdef2"]}, "publicSubnetIds: expected a list of at least 2"),
        ("dr", {**OWN_NETWORK, "publicSubnetIds": ["subnet-01", "subnet-02"]}, "publicSubnetIds: expected either"),
        ("dr", {"zones": ["us-west-2a"]}, "zones: belongs to a network of our own; expected vpcCidr"),
        ("dr", {**OWN_NETWORK, "zones": ["us-west-2a"]}, "zones: expected a list of at least 2"),
        ("dr", {**OWN_NETWORK, "zones": ["us-east-1a", "us-west-2a"]}, "zones[0]: expected a zone of us-west-2"),
        ("dr", {**OWN_NETWORK, "zones": ["us-west-2a", "us-west-2a"]}, "zones: expected two or 3 different zones"),
        ("dr", {**OWN_NETWORK, "vpcCidr": "10.0.0.0/8"}, "vpcCidr: expected an IPv4 range from /16 to /20"),
        ("dr", {**OWN_NETWORK, "productionVpc": "vpc-01"}, "productionCidr: missing"),
        (
            "dr",
            {**OWN_NETWORK, "productionVpc": "vpc-01", "productionCidr": "10.2.128.0/17"},
            "vpcCidr: expected a range outside of production's 10.2.128.0/17",
        ),
        (
            "dr",
            {"addonVersions": {"kube-proxy": "v1.33.0-eksbuild.2"}},
            "addonVersions.kube-proxy: expected a version of the",
        ),
        (
            "dr",
            {"addonVersions": {"aws-ebs-csi-driver": "v1.57.2-eksbuild.1"}},
            "addonVersions.aws-ebs-csi-driver: expected v1.58 or newer",
        ),
        ("dr", {"addonVersions": {"coredns": "latest"}}, "addonVersions.coredns: expected a version as `aws eks"),
        ("dr", {"addonVersions": {"calico": "v1.2.3-eksbuild.1"}}, "addonVersions.calico: expected one of coredns"),
        ("dr", {"clusterAdmins": ["arn:aws:sts::123456789012:assumed-role/a/b"]}, "clusterAdmins[0]: expected the ARN"),
        ("dr", {"clusterAdmins": [AT_HOME_IN_US_EAST_1]}, "clusterAdmins: expected somebody who signs in"),
        ("prod", {"lockMode": None}, "lockMode: missing; expected GOVERNANCE or COMPLIANCE"),
        ("prod", {"account": "١٢٣٤٥٦٧٨٩٠١٢"}, "account: expected the AWS account's 12 digits"),
        ("prod", {"drPeering": "pcx-01"}, "drVpcCidr: missing"),
        ("prod", {"routeTables": ["rtb-01"]}, "routeTables: belongs to a peering; expected drPeering"),
        ("prod", {"gate": "sidecar"}, "primaryPodLabels: expected labels of the primary's Pods"),
        ("prod", {"gate": "beside"}, "gate: expected sidecar or deployment"),
        ("prod", {"privateZone": "Z01"}, "privateZone: belongs to a peering; expected drPeering"),
        ("prod", {"drPeering": "pcx-01", "privateZone": "Z01"}, "drVpc: missing; expected the dr stack's output `vpc`"),
        ("dr", {"podCidrs": ["10.1.0.0"], "publicAccessCidrs": None}, "publicAccessCidrs: missing"),
        ("dr", {"nodes": "none"}, "nodes: expected a whole number from 1 to 100"),
        ("dr", {"storageSize": "200Gi"}, "storageSize: expected at least 280Gi for a database of 200GB that grows"),
        ("dr", {"besideSize": "300Gi"}, "besideSize: expected at least 400Gi"),
        ("dr", {"diskKey": "alias/ours"}, "diskKey: expected the ARN of a KMS key in the DR region"),
        ("dr", {"instanceTypes": ["m7i.large", "m7g.large"]}, "instanceTypes[1]: expected an x86-64 instance type"),
        ("dr", {"instanceTypes": ["c6gn.xlarge"]}, "instanceTypes[0]: expected an x86-64 instance type"),
        ("dr", {"instanceTypes": ["a1.large"]}, "instanceTypes[0]: expected an x86-64 instance type"),
        ("dr", {"nodes": 5}, "nodes: expected more or larger nodes: full size needs"),
        ("dr", {"edge": "edge-dr.ultramarket.com"}, "edge: expected the DR site's edge as host:port"),
        ("dr", {"edge": "edge-dr.ultramarket.com:65536"}, "edge: expected the DR site's edge as host:port"),
        ("prod", {"edge": "edge.ultramarket.com:0"}, "edge: expected production's edge as host:port"),
        ("dr", {"postgresImage": f"postgres:18-alpine@{DIGEST}"}, "postgresImage: expected a Debian image"),
        ("dr", {"postgresMemory": "4GB"}, "postgresMemory: expected an amount such as 8Gi, found '4GB'"),
        ("dr", {"postgresMemory": "64Mi"}, "postgresMemory: expected at least 512Mi, found '64Mi'"),
        ("dr", {"postgresCpu": "2"}, "postgresCpu: expected thousandths of a core such as 2000m"),
        (
            "prod",
            {"primaryHost": "um.c1.us-east-1.rds.amazonaws.com"},
            "primaryHost: expected a PostgreSQL of your own",
        ),
        ("prod", {"sslMode": "prefer"}, "sslMode: expected one of disable, require, verify-ca, verify-full"),
        ("prod", {"sslMode": "verify-full"}, "primaryCa: expected a CA certificate as PEM, since sslMode verify-full"),
        ("prod", {"primaryCa": PRIMARY_CA, "sslMode": "disable"}, "sslMode: expected verify-full or verify-ca, since"),
        ("prod", {"primaryCa": PRIMARY_CA[:-80]}, "primaryCa: expected CA certificates as PEM"),
        ("prod", {"primaryCa": PRIMARY_CA.replace("MIIB", "AAAA")}, "primaryCa: expected CA certificates as PEM"),
        ("prod", {"primaryCa": PRIMARY_CA.replace("CERTIFICATE", "PRIVATE KEY")}, "primaryCa: expected CA"),
        ("prod", {"backupHost": "um.cluster-ro-c1.us-east-1.rds.amazonaws.com"}, "backupHost: expected a PostgreSQL"),
        ("prod", {"replicaInSite": True}, "postgresImage: missing"),
        ("prod", {"replicaInSite": True, "storageSize": "200Gi"}, "storageSize: expected at least 280Gi"),
        (
            "prod",
            {"replicaInSite": True, "backupHost": "replica.test"},
            "replicaInSite: expected false with backupHost",
        ),
        ("prod", {"replicaInSite": "maybe"}, "replicaInSite: expected true or false"),
        ("foundation", {"checkerRanges": ["0.0.0.0/0"]}, "checkerRanges[0]: expected a range no wider than /8"),
        ("foundation", {"checkerRanges": ["nowhere"]}, "checkerRanges[0]: expected a CIDR range"),
        ("foundation", {"failoverArmed": "perhaps"}, "failoverArmed: expected true or false"),
        ("foundation", {"failoverArmed": True}, "drLoadBalancer: missing; failoverArmed needs it"),
        (
            "foundation",
            {"drLoadBalancer": BALANCER.replace("west", "east")},
            "drLoadBalancer: expected the dr stack's output",
        ),
        (
            "foundation",
            {"prodEdge": "api.ultramarket.com"},
            "prodEdge: expected the host name of production's edge, not",
        ),
        ("foundation", {"drEdge": "api.ultramarket.com"}, "drEdge: expected the host name of the DR site's edge, not"),
        ("foundation", {"drEdge": "edge-dr.example.com"}, "drEdge: expected a name below ultramarket.com, where this"),
        ("foundation", {"prodEdge": "10.0.0.1/"}, "prodEdge: expected the host name of production's edge"),
        ("foundation", {"operators": ["everybody"]}, "operators[0]: expected the ARN"),
        # The session of a role carries no MFA, which the trust demands: such an operator could never promote.
        (
            "foundation",
            {"operators": ["arn:aws:iam::123456789012:role/people"]},
            "operators[0]: expected the ARN of an IAM user",
        ),
    ],
)
def test_a_wrong_value_says_what_was_expected(stack: str, changes: dict[str, Any], expected: str) -> None:
    assert any(line.startswith(f"ultramarket-dr:{expected}") for line in problems(stack, changes))


def test_the_standby_has_the_size_that_is_configured() -> None:
    configure("dr", {"postgresCpu": "3500m", "postgresMemory": "24Gi", "instanceTypes": ["m7i.2xlarge"]})
    assert dr_settings().postgres_size == Size(millicores=3500, mebibytes=24 * 1024)
    configure("dr", {"postgresMemory": None, "postgresCpu": None})
    assert dr_settings().postgres_size == POSTGRES


@pytest.mark.parametrize("instance_type", ["m7i.2xlarge", "m7i-flex.8xlarge", "g4dn.8xlarge", "r6a.4xlarge"])
def test_an_x86_type_is_taken_whatever_its_letters(instance_type: str) -> None:
    configure("dr", {"instanceTypes": [instance_type]})
    assert dr_settings().instance_types == [instance_type]


def test_a_missing_or_wrong_plan_is_named_by_its_file(tmp_path: Any) -> None:
    wrong = tmp_path / "other.yaml"
    wrong.write_text("objectives: {}\n")
    configure("foundation", {"plan": str(wrong)})
    with pytest.raises(PlanError, match=r"other\.yaml"):
        foundation_settings()


def test_a_stack_with_another_name_is_a_clear_error() -> None:
    with pytest.raises(pulumi.RunError, match="there is no stack 'test'; the stacks are foundation, prod, dr"):
        program.run()


def test_bad_configuration_ends_the_run_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    configure("prod", {"account": "nobody"})
    with pytest.raises(pulumi.RunError) as caught:
        program.run()
    assert "ultramarket-dr:account: expected the AWS account's 12 digits" in str(caught.value)
    assert caught.value.__suppress_context__


def test_every_committed_key_belongs_to_a_stack_and_has_no_region() -> None:
    for stack in READERS:
        keys = committed_config(stack)
        assert keys["pulumi:disable-default-providers"] == ["*"]
        assert not [key for key in keys if "egion" in key]


@pytest.mark.parametrize(
    ("changes", "mode"),
    [({}, "require"), ({"primaryCa": PRIMARY_CA}, "verify-full"), ({"sslMode": "disable"}, "disable")],
)
def test_connections_to_the_primary_are_encrypted_unless_that_is_declined(changes: dict[str, Any], mode: str) -> None:
    configure("prod", changes)
    assert READERS["prod"]().tls == TlsSettings(ssl_mode=mode, primary_ca=changes.get("primaryCa", ""))
