"""Who may take a role, and who may not; and what AWS's own policies let the cluster's roles do."""

import json
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from recovery.access.cluster_roles import CLUSTER_DUTIES, STORAGE, cluster_trust, storage_trust
from recovery.access.documents import bucket_arn, dr_cluster_arn
from recovery.access.trust import ServiceAccount, pod_identity_trust, service_trust
from recovery.names import Names
from recovery.plan.loading import load_plan
from tests.support.iam import ask
from tests.support.plans import ROOT

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
PROD = NAMES.backup_bucket("prod")
OF_AWS: dict[str, Any] = json.loads(aws_managed_policies_data)


def tags(cluster: str, namespace: str, name: str) -> dict[str, str]:
    """What EKS Pod Identity sends with a request for a role."""
    return {
        "aws:SourceAccount": NAMES.account,
        "aws:RequestTag/eks-cluster-arn": cluster,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": name,
    }


def test_a_role_is_handed_to_its_service_account_in_its_cluster_and_to_no_mixture_of_two() -> None:
    prod = "arn:aws:eks:us-east-1:123456789012:cluster/prod"
    trust = pod_identity_trust(
        NAMES,
        [
            ServiceAccount(cluster_arn=prod, namespace="ultramarket-production", name="dr-guard"),
            ServiceAccount(cluster_arn=dr_cluster_arn(NAMES), namespace="ultramarket-dr", name="dr-guard"),
        ],
    )
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert ask(trust, action, "*", tags(prod, "ultramarket-production", "dr-guard")) == "allow"
    assert ask(trust, "sts:AssumeRole", "*", tags(prod, "ultramarket-dr", "dr-guard")) == "nothing"
    assert ask(trust, "sts:AssumeRole", "*", tags(prod, "ultramarket-production", "default")) == "nothing"


def test_people_take_a_role_only_with_mfa_of_this_hour() -> None:
    person = "arn:aws:iam::123456789012:role/failover-engineer"
    trust = pod_identity_trust(NAMES, [], [person])
    here = {"aws:RequestedRegion": "us-west-2"}
    fresh = {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "30", **here}
    assert ask(trust, "sts:AssumeRole", "*", fresh) == "allow"
    assert ask(trust, "sts:AssumeRole", "*", {**fresh, "aws:MultiFactorAuthAge": "3600"}) == "nothing"
    assert ask(trust, "sts:AssumeRole", "*", {"aws:MultiFactorAuthPresent": "true", **here}) == "nothing"
    unseen = {**fresh, "aws:RequestedRegion": "eu-west-1"}
    assert ask(trust, "sts:AssumeRole", "*", unseen) == "nothing", "no alarm hears of a call there"
    assert ask(trust, "sts:AssumeRole", "*", {}) == "nothing"
    assert trust["Statement"][0]["Principal"] == {"AWS": [person]}


def test_service_roles_ask_whose_resource_is_behind_the_request() -> None:
    trust = service_trust("s3.amazonaws.com", NAMES.account, bucket_arn(PROD))
    own = {"aws:SourceAccount": NAMES.account, "aws:SourceArn": bucket_arn(PROD)}
    assert ask(trust, "sts:AssumeRole", "*", own) == "allow"
    assert ask(trust, "sts:AssumeRole", "*", {**own, "aws:SourceArn": bucket_arn("other")}) == "nothing"
    assert ask(cluster_trust(NAMES), "sts:AssumeRole", "*", {"aws:SourceAccount": "666666666666"}) == "nothing"
    storage = tags(dr_cluster_arn(NAMES), "kube-system", "ebs-csi-controller-sa")
    assert ask(storage_trust(NAMES), "sts:AssumeRole", "*", storage) == "allow"


def test_what_aws_has_written_for_the_cluster_s_roles_is_there_under_these_names() -> None:
    for arn in (each for duty in CLUSTER_DUTIES for each in duty.policies):
        path, name = arn.removeprefix("arn:aws:iam::aws:policy").rsplit("/", 1)
        assert OF_AWS[name]["Path"] == f"{path}/", arn


def test_the_dr_cluster_s_disk_driver_may_touch_no_volume_of_another_cluster() -> None:
    """AWS's older policy for it detaches any volume of the account and deletes any that a driver has made: production's
    database among them."""
    (name,) = [each.rpartition("/")[2] for each in STORAGE.policies]
    changing = {"ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume", "ec2:ModifyVolume", "ec2:CreateVolume"}
    statements = [each for each in OF_AWS[name]["Document"]["Statement"] if changing & set(each["Action"])]
    assert statements
    for each in statements:
        assert list(each["Condition"]["StringEquals"].values()) == ["${aws:PrincipalTag/eks-cluster-name}"], each
