"""Roles of the EKS cluster itself: who may take them, and AWS's own policies for each. Pure data."""

from collections.abc import Callable
from dataclasses import dataclass

from recovery.access.documents import Document, document, dr_cluster_arn
from recovery.access.trust import ServiceAccount, pod_identity_trust
from recovery.names import Names

_AWS = "arn:aws:iam::aws:policy"
STORAGE_ACCOUNT = "ebs-csi-controller-sa"


@dataclass(frozen=True, kw_only=True)
class ClusterDuty:
    """One role of the cluster: `name` as in `Names.role_arn`, who may take it, and AWS's own policies for it."""

    name: str
    trust: Callable[[Names], Document]
    policies: tuple[str, ...]


def cluster_trust(names: Names) -> Document:
    """EKS, for clusters of this account only."""
    return document(_service("eks.amazonaws.com", {"StringEquals": {"aws:SourceAccount": names.account}}))


def node_trust(_: Names) -> Document:
    """EC2 instances; EC2 passes no source to compare."""
    return document(_service("ec2.amazonaws.com", None))


def storage_trust(names: Names) -> Document:
    """The EBS driver's controller in the DR cluster."""
    driver = ServiceAccount(cluster_arn=dr_cluster_arn(names), namespace="kube-system", name=STORAGE_ACCOUNT)
    return pod_identity_trust(names, [driver])


def _service(service: str, condition: Document | None) -> Document:
    statement: Document = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole"]}
    return statement if condition is None else {**statement, "Condition": condition}


CONTROL_PLANE = ClusterDuty(
    name="cluster-control-plane", trust=cluster_trust, policies=(f"{_AWS}/AmazonEKSClusterPolicy",)
)
NODES = ClusterDuty(
    name="cluster-nodes",
    trust=node_trust,
    policies=(
        f"{_AWS}/AmazonEKSWorkerNodePolicy",
        f"{_AWS}/AmazonEKS_CNI_Policy",
        f"{_AWS}/AmazonEC2ContainerRegistryPullOnly",
    ),
)
# Volumes and nodes of its own cluster alone, by tags. The older AmazonEBSCSIDriverPolicy detaches any of the account's,
# production's too. Needs the driver's version 1.58: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/issues/2918
STORAGE = ClusterDuty(
    name="cluster-storage", trust=storage_trust, policies=(f"{_AWS}/AmazonEBSCSIDriverEKSClusterScopedPolicy",)
)
CLUSTER_DUTIES = (CONTROL_PLANE, NODES, STORAGE)
