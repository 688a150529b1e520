"""Who may take a role: Pods of one service account, people with MFA, AWS services for a resource of ours."""

from dataclasses import dataclass

from recovery.access.documents import Document, Statement, document
from recovery.names import Names
from recovery.plan.plan import SITES

_MFA_AGE_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """A Kubernetes service account that may take a role by EKS Pod Identity."""

    cluster_arn: str
    namespace: str
    name: str


def pod_identity_trust(names: Names, accounts: list[ServiceAccount], operators: list[str] | None = None) -> Document:
    """Trust for Pods of exactly these service accounts, and for named people who signed in with MFA.

    Session tags: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html. Without the tags any association
    in the account could hand the role to any Pod. One statement each, or lists would allow every combination.
    """
    statements: list[Statement] = [
        {
            "Sid": f"Pod{number}",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": names.account,
                    "aws:RequestTag/eks-cluster-arn": one.cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": one.namespace,
                    "aws:RequestTag/kubernetes-service-account": one.name,
                }
            },
        }
        for number, one in enumerate(accounts)
    ]
    if operators:
        statements.append(people_trust(operators, names))
    return document(*statements)


def people_trust(principals: list[str], names: Names) -> Statement:
    """Trust for people, who must have signed in with MFA within the hour: a session's credentials live for up to 36.
    Asked for in a site's region: there stand the alarms, and a call is an event of the region that answered it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
    """
    return {
        "Sid": "PeopleWithMfa",
        "Effect": "Allow",
        "Principal": {"AWS": principals},
        "Action": ["sts:AssumeRole"],
        "Condition": {
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "NumericLessThan": {"aws:MultiFactorAuthAge": str(_MFA_AGE_SECONDS)},
            "StringEquals": {"aws:RequestedRegion": [names.plan.site(site).region for site in SITES]},
        },
    }


def service_trust(service: str, account: str, source_arn: str) -> Document:
    """Trust for an AWS service acting for one resource of ours, not for somebody else's (confused deputy)."""
    condition = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source_arn}}
    return document(
        {
            "Sid": "OneSource",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": ["sts:AssumeRole"],
            "Condition": condition,
        }
    )
