"""foundation: what outlives both sites. The control table, the copies, the public name, the roles."""

import pulumi
import pulumi_aws as aws

from components.backup_bucket import BackupBucket, BackupBucketArgs
from components.backup_cron_job import BACKUP_ACCOUNT
from components.backup_key import BackupKey, BackupKeyArgs
from components.backup_replication import BackupReplication, BackupReplicationArgs
from components.cluster_roles import ClusterRoles, ClusterRolesArgs
from components.control_table import ControlTable, ControlTableArgs
from components.duty_role import DutyRole, DutyRoleArgs
from components.failover_record import FailoverRecord, FailoverRecordArgs
from components.site_guard import GUARD_ACCOUNT
from infra.settings import FoundationSettings
from recovery import policies
from recovery.cluster_roles import cluster_arn
from recovery.lifecycle import lifecycle_rules
from recovery.plan import SITES, SiteName
from recovery.policies import ServiceAccount

OPERATOR_ACCOUNT = "dr-operator"


def declare(settings: FoundationSettings) -> None:
    """Declare the stack. Its own region is the DR region: it must be changeable with production's gone."""
    names, plan = settings.names, settings.plan
    provider = aws.Provider("aws", region=plan.sites.dr.region, allowed_account_ids=[settings.account])
    # Everything here is protected, roles too: without its role a guard cannot renew, and both gates close.
    opts = pulumi.ResourceOptions(providers=[provider], protect=True)

    ControlTable("control", ControlTableArgs(names=names), opts)

    keys = {
        site: BackupKey(f"backup-key-{site}", BackupKeyArgs(names=names, region=plan.site(site).region), opts)
        for site in SITES
    }
    buckets = {site: _bucket(settings, site, keys[site], opts) for site in SITES}
    BackupReplication(
        "backup-replication",
        BackupReplicationArgs(names=names, source_key_arn=keys["prod"].arn, destination_key_arn=keys["dr"].arn),
        pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(buckets.values()))),
    )
    record = FailoverRecord(
        "failover",
        FailoverRecordArgs(
            names=names,
            zone_id=settings.zone_id,
            prod_edge=settings.prod_edge,
            dr_edge=settings.dr_edge,
            checker_ranges=settings.checker_ranges,
            armed=settings.failover_armed,
        ),
        opts,
    )
    _roles(settings, [keys[site].arn for site in SITES], opts)
    ClusterRoles("cluster-roles", ClusterRolesArgs(names=names), opts)

    pulumi.export("control_table", names.control_table)
    pulumi.export("backup_buckets", {site: names.backup_bucket(site) for site in SITES})
    pulumi.export("marker_url", f"https://{names.marker_host}")
    pulumi.export("marker_check", record.marker_check.id)
    pulumi.export("failover_armed", settings.failover_armed)


def _bucket(settings: FoundationSettings, site: SiteName, key: BackupKey, opts: pulumi.ResourceOptions) -> BackupBucket:
    names = settings.names
    args = BackupBucketArgs(
        bucket=names.backup_bucket(site),
        region=settings.plan.site(site).region,
        key_arn=key.arn,
        lifecycle=lifecycle_rules(settings.plan, site),
        break_glass_arn=names.role_arn("break-glass"),
        log_bucket=settings.log_bucket_prod if site == "prod" else settings.log_bucket_dr,
    )
    return BackupBucket(f"backups-{site}", args, opts)


def _roles(settings: FoundationSettings, key_arns: list[pulumi.Output[str]], opts: pulumi.ResourceOptions) -> None:
    """One role per duty. Replication's is S3's own and lies with the rule."""
    names, sites, account = settings.names, settings.plan.sites, settings.account
    prod_cluster = f"arn:aws:eks:{sites.prod.region}:{account}:cluster/{settings.prod_cluster}"

    def pods(service_account: str, *wanted: SiteName) -> list[ServiceAccount]:
        clusters = {"prod": prod_cluster, "dr": cluster_arn(names)}
        return [
            ServiceAccount(
                cluster_arn=clusters[site], namespace=settings.plan.site(site).namespace, name=service_account
            )
            for site in wanted
        ]

    keys = pulumi.Output.all(*key_arns)
    roles = [
        DutyRoleArgs(
            duty="writer",
            description="Writes backups; deletes nothing",
            trust=policies.pod_identity_trust(account, pods(BACKUP_ACCOUNT, "prod", "dr")),
            permission=keys.apply(lambda arns: policies.writer_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="guard",
            description="Renews its site's lease",
            trust=policies.pod_identity_trust(account, pods(GUARD_ACCOUNT, "prod", "dr")),
            permission=policies.guard_policy(names),
        ),
        DutyRoleArgs(
            duty="promoter",
            description="Moves the business to the DR site",
            trust=policies.pod_identity_trust(account, pods(OPERATOR_ACCOUNT, "dr"), settings.operators),
            permission=keys.apply(lambda arns: policies.promoter_policy(names, arns)),
        ),
        DutyRoleArgs(
            duty="break-glass",
            description="For a person with MFA: what the bucket and key policies deny to everybody else",
            trust=policies.document(policies.people_trust([f"arn:aws:iam::{account}:root"])),
            permission=keys.apply(lambda arns: policies.break_glass_policy(names, arns)),
        ),
    ]
    for role in roles:
        DutyRole(f"role-{role.duty}", role, opts)
