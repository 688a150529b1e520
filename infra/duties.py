"""foundation's roles, one per duty: who may take each, and what it may do."""

from collections.abc import Mapping

import pulumi

from components.duty_role import DutyRole, DutyRoleArgs
from infra.settings import FoundationSettings
from recovery import policies
from recovery.bucket_policies import break_glass_policy
from recovery.cluster_roles import cluster_arn
from recovery.duties import duty_policies
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

# In the order of a copy's life: the Pods' service account and what the role is for.
_PODS = {
    "writer": (BACKUP_ACCOUNT, "Writes backups; deletes nothing"),
    "shipper": (SHIPPER_ACCOUNT, "Ships the databases' logs to the DR bucket; deletes nothing"),
    "restorer": (RESTORER_ACCOUNT, "Reads copies; writes nothing"),
    "monitor": (MONITOR_ACCOUNT, "Watches copies: pointers, manifests, sizes"),
    "pruner": (PRUNER_ACCOUNT, "Ends copies by delete markers; destroys nothing"),
    "guard": (GUARD_ACCOUNT, "Renews its site's lease"),
    "promoter": (OPERATOR_ACCOUNT, "Moves the business to the DR site"),
}


def declare_roles(
    settings: FoundationSettings, keys: Mapping[SiteName, pulumi.Output[str]], opts: pulumi.ResourceOptions
) -> None:
    """Of Pods and operators, in production's account. `keys` are the ARNs of the backup keys. Replication's role is
    S3's own and lies with the rule."""
    permissions = pulumi.Output.all(**keys).apply(lambda arns: duty_policies(settings.names, arns))
    for duty, (service_account, description) in _PODS.items():
        trust = (
            _pods(settings, service_account, "dr", people=settings.operators)
            if duty == "promoter"
            else _pods(settings, service_account, *SITES)
        )
        role = DutyRoleArgs(duty=duty, description=description, trust=trust, permission=permissions[duty])
        DutyRole(f"role-{duty}", role, opts)


def declare_break_glass(
    settings: FoundationSettings,
    name: str,
    account: str,
    keys: Mapping[SiteName, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> None:
    """`account`'s own, for the copies that it holds; its people alone may take it."""
    names = settings.names
    held = [keys[site] for site in SITES if names.account_of_copies(site) == account]
    args = DutyRoleArgs(
        duty="break-glass",
        description="For a person with MFA: what the bucket and key policies deny to everybody else",
        trust=policies.document(policies.people_trust([f"arn:aws:iam::{account}:root"], names)),
        permission=pulumi.Output.all(*held).apply(lambda arns: break_glass_policy(names, account, arns)),
    )
    DutyRole(name, args, opts)


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
    return policies.pod_identity_trust(settings.names, accounts, people)
