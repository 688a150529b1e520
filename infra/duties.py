"""foundation's roles, one per duty: who may take each, and what it may do."""

from collections.abc import Mapping

import pulumi

from components.duty_role import DutyRole, DutyRoleArgs
from infra.settings import FoundationSettings
from recovery import copy_policies, policies
from recovery.bucket_policies import break_glass_policy
from recovery.cluster_roles import cluster_arn
from recovery.names import (
    BACKUP_ACCOUNT,
    GUARD_ACCOUNT,
    MONITOR_ACCOUNT,
    OPERATOR_ACCOUNT,
    PRUNER_ACCOUNT,
    RESTORER_ACCOUNT,
    SHIPPER_ACCOUNT,
)
from recovery.plan import SITES, SiteName
from recovery.policies import Document, ServiceAccount


def declare_roles(
    settings: FoundationSettings, keys: Mapping[str, pulumi.Output[str]], opts: pulumi.ResourceOptions
) -> None:
    """`keys` are the ARNs of the backup keys. Replication's role is S3's own and lies with the rule."""
    for role in _roles(settings, keys):
        DutyRole(f"role-{role.duty}", role, opts)


def _roles(settings: FoundationSettings, keys: Mapping[str, pulumi.Output[str]]) -> list[DutyRoleArgs]:
    """In the order of a copy's life, then the people."""
    names, account = settings.names, settings.account
    both = pulumi.Output.all(*(keys[site] for site in SITES))
    everybody = [f"arn:aws:iam::{account}:root"]
    return [
        DutyRoleArgs(
            duty="writer",
            description="Writes backups; deletes nothing",
            trust=_pods(settings, BACKUP_ACCOUNT, *SITES),
            permission=both.apply(lambda arns: policies.writer_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="shipper",
            description="Ships the databases' logs to the DR bucket; deletes nothing",
            trust=_pods(settings, SHIPPER_ACCOUNT, *SITES),
            permission=keys["dr"].apply(lambda arn: copy_policies.shipper_policy(names, arn)),
        ),
        DutyRoleArgs(
            duty="restorer",
            description="Reads copies; writes nothing",
            trust=_pods(settings, RESTORER_ACCOUNT, *SITES),
            permission=both.apply(lambda arns: copy_policies.restorer_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="monitor",
            description="Watches copies: pointers, manifests, sizes",
            trust=_pods(settings, MONITOR_ACCOUNT, *SITES),
            permission=both.apply(lambda arns: copy_policies.monitor_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="pruner",
            description="Ends copies by delete markers; destroys nothing",
            trust=_pods(settings, PRUNER_ACCOUNT, *SITES),
            permission=both.apply(lambda arns: copy_policies.pruner_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="guard",
            description="Renews its site's lease",
            trust=_pods(settings, GUARD_ACCOUNT, *SITES),
            permission=policies.guard_policy(names),
        ),
        DutyRoleArgs(
            duty="promoter",
            description="Moves the business to the DR site",
            trust=_pods(settings, OPERATOR_ACCOUNT, "dr", people=settings.operators),
            permission=both.apply(lambda arns: policies.promoter_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="break-glass",
            description="For a person with MFA: what the bucket and key policies deny to everybody else",
            trust=policies.document(policies.people_trust(everybody)),
            permission=both.apply(lambda arns: break_glass_policy(names, arns)),
        ),
    ]


def _pods(
    settings: FoundationSettings, service_account: str, *sites: SiteName, people: list[str] | None = None
) -> Document:
    """Trust for the Pods of one service account at these sites."""
    prod = settings.plan.sites.prod
    clusters = {
        "prod": f"arn:aws:eks:{prod.region}:{settings.account}:cluster/{settings.prod_cluster}",
        "dr": cluster_arn(settings.names),
    }
    accounts = [
        ServiceAccount(cluster_arn=clusters[site], namespace=settings.plan.site(site).namespace, name=service_account)
        for site in sites
    ]
    return policies.pod_identity_trust(settings.account, accounts, people)
