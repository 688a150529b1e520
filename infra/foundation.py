"""foundation: what outlives both sites. The control table, the copies, the public name, the roles."""

from collections.abc import Callable, Sequence

import pulumi
import pulumi_aws as aws

from components.access.cluster_roles import ClusterRoles, ClusterRolesArgs
from components.control.control_table import ControlTable, ControlTableArgs
from components.control.failover_record import FailoverRecord, FailoverRecordArgs
from components.monitoring.alarm_topic import AlarmTopic, AlarmTopicArgs
from components.monitoring.metric_alarms import MetricAlarms, MetricAlarmsArgs
from components.monitoring.tamper_alarm import TamperAlarm, TamperAlarmArgs
from components.storage.backup_bucket import BackupBucket, BackupBucketArgs
from components.storage.backup_key import BackupKey, BackupKeyArgs
from components.storage.backup_replication import BackupReplication, BackupReplicationArgs
from components.storage.static_assets_backup import StaticAssetsBackup, StaticAssetsBackupArgs
from infra.backup_account import backup_account_provider
from infra.duties import declare_break_glass, declare_roles
from infra.settings.foundation import FoundationSettings
from recovery.access.backup_account import bucket_grants, key_grants
from recovery.access.tampering import alarm_regions
from recovery.copies.lifecycle import lifecycle_rules
from recovery.monitoring.alarms import CANARY_CHECK, MARKER_CHECK
from recovery.names import PREFIX
from recovery.plan.plan import SITES, SiteName


def declare(settings: FoundationSettings) -> None:
    """Declare the stack. Its own region is the DR region: it must be changeable with production's gone."""
    names, plan = settings.names, settings.plan
    provider = aws.Provider("aws", region=plan.sites.dr.region, allowed_account_ids=[settings.account])
    # Everything here is protected, roles too: without its role a guard cannot renew, and both gates close.
    opts = pulumi.ResourceOptions(providers=[provider], protect=True)
    apart = backup_account_provider(names, settings.backup_account_role)
    of_copies = pulumi.ResourceOptions(providers=[apart], protect=True) if apart else opts

    ControlTable("control", ControlTableArgs(names=names), opts)

    keys = {"prod": _key(settings, "prod", opts), "dr": _key(settings, "dr", of_copies)}
    arns: dict[SiteName, pulumi.Output[str]] = {site: keys[site].arn for site in SITES}
    topics: dict[str, pulumi.Output[str]] = {}
    for where, region in alarm_regions(plan).items():
        topics[region] = _alarms(settings, f"-{where}", region, settings.account, opts)
        if apart:
            _alarms(settings, f"-copies-{where}", region, names.account_of_copies("dr"), of_copies)
    copies = _bucket(settings, "dr", keys["dr"], of_copies)

    def replicated(source: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        """Production's bucket copies from its first day on, and its policy comes after: it denies another rule."""
        replication = BackupReplication(
            "backup-replication",
            BackupReplicationArgs(
                names=names,
                duty="replication",
                source=names.backup_bucket("prod"),
                destination=names.backup_bucket("dr"),
                source_key_arn=keys["prod"].arn,
                destination_key_arn=keys["dr"].arn,
            ),
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[*source, copies])),
        )
        return [replication.rule]

    _bucket(settings, "prod", keys["prod"], opts, replicated)
    if settings.assets_bucket:
        assets = StaticAssetsBackupArgs(
            names=names,
            source=settings.assets_bucket,
            source_key_arn=settings.assets_key,
            key_arn=keys["dr"].arn,
            log_bucket=settings.log_bucket_dr,
            copy_provider=apart,
        )
        StaticAssetsBackup("static-assets", assets, opts)
    record = FailoverRecord(
        "failover",
        FailoverRecordArgs(
            names=names,
            zone_id=settings.zone_id,
            prod_edge=settings.prod_edge,
            dr_edge=settings.dr_edge,
            dr_load_balancer=settings.dr_load_balancer,
            checker_ranges=settings.checker_ranges,
            armed=settings.failover_armed,
            adopted=settings.name_adopted,
        ),
        opts,
    )
    watching = MetricAlarmsArgs(
        names=names,
        topics=topics,
        health_checks={CANARY_CHECK: record.canary_check.id, MARKER_CHECK: record.marker_check.id},
        assets=settings.assets_bucket,
    )
    MetricAlarms("watch", watching, opts)
    if settings.replicate_images:
        _replicate_images(settings, provider)
    declare_roles(settings, arns, opts)
    declare_break_glass(settings, "role-break-glass", settings.account, arns, opts)
    if apart:
        declare_break_glass(settings, "role-copies-break-glass", names.account_of_copies("dr"), arns, of_copies)
    ClusterRoles("cluster-roles", ClusterRolesArgs(names=names), opts)

    pulumi.export("control_table", names.control_table)
    pulumi.export("backup_buckets", {site: names.backup_bucket(site) for site in SITES})
    # People subscribe to these by hand (ADR 11).
    accounts = [settings.account, names.account_of_copies("dr")] if apart else [settings.account]
    arns_of_topics = [names.alarm_topic_arn(region, account) for account in accounts for region in topics]
    pulumi.export("alarm_topics", arns_of_topics)
    pulumi.export("marker_url", f"https://{names.marker_host}")
    pulumi.export("marker_check", record.marker_check.id)
    pulumi.export("failover_armed", settings.failover_armed)


def _key(settings: FoundationSettings, site: SiteName, opts: pulumi.ResourceOptions) -> BackupKey:
    names = settings.names
    args = BackupKeyArgs(
        names=names,
        region=settings.plan.site(site).region,
        account=names.account_of_copies(site),
        grants=key_grants(names) if site == "dr" else (),
    )
    return BackupKey(f"backup-key-{site}", args, opts)


def _bucket(
    settings: FoundationSettings,
    site: SiteName,
    key: BackupKey,
    opts: pulumi.ResourceOptions,
    before_policy: Callable[[Sequence[pulumi.Resource]], Sequence[pulumi.Resource]] = lambda _: (),
) -> BackupBucket:
    names = settings.names
    args = BackupBucketArgs(
        bucket=names.backup_bucket(site),
        region=settings.plan.site(site).region,
        key_arn=key.arn,
        lifecycle=lifecycle_rules(settings.plan, site),
        break_glass_arn=names.role_arn("break-glass", names.account_of_copies(site)),
        grants=bucket_grants(names, names.backup_bucket(site)),
        log_bucket=settings.log_bucket_prod if site == "prod" else settings.log_bucket_dr,
        before_policy=before_policy,
    )
    return BackupBucket(f"backups-{site}", args, opts)


def _alarms(
    settings: FoundationSettings, suffix: str, region: str, account: str, opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """In each account with copies and each region: who reaches for them, or for these alarms. The topic's ARN."""
    names = settings.names
    topic = AlarmTopic(f"alarms{suffix}", AlarmTopicArgs(names=names, region=region, account=account), opts)
    args = TamperAlarmArgs(names=names, region=region, account=account, topic_arn=topic.arn)
    TamperAlarm(f"tampering{suffix}", args, opts)
    return topic.arn


def _replicate_images(settings: FoundationSettings, provider: aws.Provider) -> None:
    """Production's registry copies our images to the DR region's. A registry has one such setting, so it is declared
    only when asked for; images pushed before are not copied."""
    sites = settings.plan.sites
    aws.ecr.ReplicationConfiguration(
        "image-replication",
        region=sites.prod.region,
        replication_configuration={
            "rules": [
                {
                    "destinations": [{"region": sites.dr.region, "registry_id": settings.account}],
                    "repository_filters": [{"filter": f"{PREFIX}/", "filter_type": "PREFIX_MATCH"}],
                }
            ]
        },
        opts=pulumi.ResourceOptions(provider=provider, protect=True),
    )
