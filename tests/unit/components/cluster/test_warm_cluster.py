"""The warm cluster: its versions move together, it is administered by more than its creator, and it does not go."""

from functools import cache
from typing import Any

import pytest

from infra.settings.cluster import ADDONS
from tests.support import stacks
from tests.support.stacks import Declared

NETWORK = {"subnetIds": None, "publicSubnetIds": None, "vpcCidr": "10.2.0.0/16", "zones": ["us-west-2a", "us-west-2b"]}
PEERED = {**NETWORK, "productionVpc": "vpc-01", "productionCidr": "10.3.0.0/16"}
ADMINS = ["arn:aws:iam::123456789012:role/ci", "arn:aws:iam::123456789012:user/people/second"]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi runs the program in the project's folder."""
    monkeypatch.chdir(stacks.ROOT)


@cache
def declared() -> dict[str, Declared]:
    """dr, with a network of its own."""
    given = {"addonVersions": {"coredns": "v1.12.3-eksbuild.1"}, "clusterAdmins": ADMINS, **PEERED}
    return {each.name: each for each in stacks.declare("dr", given)}


def inputs(name: str) -> dict[str, Any]:
    return declared()[name].inputs


def test_nodes_have_the_cluster_s_version_and_support_ends_in_an_upgrade() -> None:
    assert inputs("warm-cluster-nodes")["version"] == inputs("warm-cluster-cluster")["version"] == "1.34"
    assert inputs("warm-cluster-cluster")["upgradePolicy"] == {"supportType": "STANDARD"}


def test_every_add_on_is_declared_and_takes_over_what_eks_installed() -> None:
    addons = {each.inputs["addonName"]: each.inputs for each in declared().values() if each.type.endswith(":Addon")}
    assert set(addons) == set(ADDONS)
    for addon in addons.values():
        assert addon["resolveConflictsOnCreate"] == addon["resolveConflictsOnUpdate"] == "OVERWRITE"
    assert addons["coredns"]["addonVersion"] == "v1.12.3-eksbuild.1"
    assert "addonVersion" not in addons["kube-proxy"]


def test_no_node_is_made_before_the_region_encrypts_its_disk() -> None:
    assert inputs("warm-cluster-disks")["enabled"] is True
    assert declared()["warm-cluster-disks"].urn in declared()["warm-cluster-nodes"].after


@pytest.mark.parametrize(("who", "arn"), [("admin-ci", ADMINS[0]), ("admin-second", ADMINS[1])])
def test_an_administrator_has_an_entry_and_aws_s_policy_for_all_of_the_cluster(who: str, arn: str) -> None:
    entry, rights = inputs(f"warm-cluster-{who}-access"), inputs(f"warm-cluster-{who}-rights")
    assert entry["principalArn"] == rights["principalArn"] == arn
    assert rights["policyArn"].endswith("AmazonEKSClusterAdminPolicy")
    assert rights["accessScope"] == {"type": "cluster"}


def test_the_control_plane_s_logs_are_kept_for_more_than_a_year_and_not_for_ever() -> None:
    logs = inputs("warm-cluster-logs")
    assert logs["name"] == f"/aws/eks/{inputs('warm-cluster-cluster')['name']}/cluster", "where EKS writes them"
    assert logs["retentionInDays"] == 400


def test_what_a_failover_leaves_as_the_only_site_is_protected() -> None:
    assert inputs("warm-cluster-cluster")["deletionProtection"] is True
    guarded = {name for name, each in declared().items() if each.protected}
    assert guarded >= {"warm-cluster-cluster", "warm-cluster-nodes", "namespace", "postgres-set", "only-site"}
    network = {name for name in declared() if name.startswith("network-")}
    assert {"network-vpc", "network-peering", "network-us-west-2a-nat"} <= network <= guarded


def test_the_lock_comes_after_everything_that_nothing_else_depends_on() -> None:
    """So a destroy comes to it first."""
    found = declared().values()
    named = {urn for each in found for urn in (*each.after, each.parent)}
    last = [each.name for each in found if each.urn not in named and not each.type.startswith("pulumi:")]
    assert last == ["only-site"]
