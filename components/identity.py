"""Who a Pod of ours is: its service account, the IAM role that EKS gives it, its login to PostgreSQL."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.runners import Runners
from recovery.names import ACCOUNT_OF_DUTY


def declare_identity(
    name: str, at: Runners, duty: str, parent: pulumi.Resource, *, login: str = "", password: pulumi.Input[str] = ""
) -> list[pulumi.Resource]:
    """Service account and role of a duty at a site and, where there is one, the Secret `login` with `password`: as
    children of `parent`, for its Pods to depend on.

    No static key of AWS is anywhere, and a Pod that is there before EKS knows of the association gets its credentials
    all the same (`components.aws_identity`).
    """
    service_account = ACCOUNT_OF_DUTY[duty]
    association = aws.eks.PodIdentityAssociation(
        f"{name}-identity",
        region=at.region,
        cluster_name=at.cluster,
        namespace=at.namespace,
        service_account=service_account,
        role_arn=at.names.role_arn(duty),
        opts=as_child(parent),
    )
    account = k8s.core.v1.ServiceAccount(
        f"{name}-account",
        metadata=workload.metadata(service_account, at.namespace),
        automount_service_account_token=False,
        opts=as_child(parent),
    )
    if not login:
        return [association, account]
    return [association, account, declare_login(name, login, at.namespace, password, parent)]


def declare_login(
    name: str, login: str, namespace: pulumi.Input[str], password: pulumi.Input[str], parent: pulumi.Resource
) -> k8s.core.v1.Secret:
    """The Secret `login` with a database role's password."""
    return k8s.core.v1.Secret(
        f"{name}-login",
        metadata=workload.metadata(login, namespace),
        string_data={"password": password},
        opts=as_child(parent),
    )
