"""foundation's roles, one per duty: who may take each, and what it may do."""

from collections.abc import Mapping

import pulumi

from components.access.duty_role import DutyRole, DutyRoleArgs
from infra.settings.foundation import FoundationSettings
from recovery.access.buckets import Assets, break_glass_policy
from recovery.access.documents import Document, cluster_arn, document, dr_cluster_arn
from recovery.access.duties import duty_policies
from recovery.access.trust import ServiceAccount, people_trust, pod_identity_trust
from recovery.names import ACCOUNT_OF_DUTY, MORE_NAMESPACES, sites_of_duty
from recovery.plan.plan import SITES, SiteName

_DESCRIPTIONS = {
    "writer": "Writes backups; deletes nothing",
    "exporter": "Writes copies of configuration; seals Secrets and opens none; deletes nothing",
    "shipper": "Ships the databases' logs to the DR bucket; deletes nothing",
    "restorer": "Reads copies; writes nothing",
    "monitor": "Watches copies: pointers, manifests, sizes",
    "pruner": "Ends copies by delete markers; destroys nothing",
    "guard": "Renews its site's lease",
    "wall": "Records whether only the gate reaches production's database",
    "promoter": "Moves the business to the DR site",
}


def declare_roles(
    settings: FoundationSettings, keys: Mapping[SiteName, pulumi.Output[str]], opts: pulumi.ResourceOptions
) -> None:
    """Of Pods and operators, in production's account. `keys` are the ARNs of the backup keys. Replication's role is
    S3's own and lies with the rule."""
    permissions = pulumi.Output.all(**keys).apply(
        lambda arns: duty_policies(settings.names, arns, settings.assets_bucket)
    )
    for duty, service_account in ACCOUNT_OF_DUTY.items():
        people = settings.operators if duty == "promoter" else None
        trust = _pods(settings, service_account, *sites_of_duty(duty), people=people)
        role = DutyRoleArgs(
            names=settings.names,
            duty=duty,
            description=_DESCRIPTIONS[duty],
            trust=trust,
            permission=permissions[duty],
        )
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
        names=names,
        duty="break-glass",
        description="For a person with MFA: what the bucket and key policies deny to everybody else",
        trust=document(people_trust([f"arn:aws:iam::{account}:root"], names)),
        permission=pulumi.Output.all(*held).apply(
            lambda arns: break_glass_policy(names, account, arns, _assets(settings))
        ),
    )
    DutyRole(name, args, opts)


def _assets(settings: FoundationSettings) -> Assets | None:
    if not settings.assets_bucket:
        return None
    return Assets(bucket=settings.assets_bucket, key_arn=settings.assets_key)


def _pods(
    settings: FoundationSettings, service_account: str, *sites: SiteName, people: list[str] | None = None
) -> Document:
    """Trust for the Pods of one service account at these sites."""
    prod = settings.plan.sites.prod
    clusters = {
        "prod": cluster_arn(prod.region, settings.account, settings.prod_cluster),
        "dr": dr_cluster_arn(settings.names),
    }
    accounts = [
        ServiceAccount(cluster_arn=clusters[site], namespace=namespace, name=service_account)
        for site in sites
        for namespace in (settings.plan.site(site).namespace, *MORE_NAMESPACES.get((service_account, site), ()))
    ]
    return pod_identity_trust(settings.names, accounts, people)
