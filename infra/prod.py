"""prod: what runs in production's cluster for recovery. The cluster, its namespace and primaries are UltraMarket's."""

import pulumi
import pulumi_aws as aws

from components.backup_cron_job import BackupCronJob, BackupCronJobArgs
from components.peering_acceptance import PeeringAcceptance, PeeringAcceptanceArgs
from components.site_guard import SiteGuard, SiteGuardArgs
from components.workload import plan_config_map
from infra.kubernetes import cluster_provider
from infra.settings import ProdSettings


def declare(settings: ProdSettings) -> None:
    """Declare the stack in production's region and cluster."""
    names, plan, account = settings.names, settings.plan, settings.account
    site = plan.sites.prod
    cluster = cluster_provider(
        name=settings.cluster_name,
        endpoint=settings.cluster_endpoint,
        ca_data=settings.cluster_ca,
        region=site.region,
    )
    cloud = aws.Provider("aws", region=site.region, allowed_account_ids=[account])
    opts = pulumi.ResourceOptions(providers=[cloud, cluster])

    config = plan_config_map(plan, site.namespace, pulumi.ResourceOptions(provider=cluster))
    plan_map = config.metadata.apply(lambda meta: meta.name or "")
    postgres = plan.datasets.postgres
    SiteGuard(
        "site-guard",
        SiteGuardArgs(
            site="prod",
            account=account,
            plan_map=plan_map,
            namespace=site.namespace,
            image=settings.runner_image,
            mode=settings.guard_mode,
            database=postgres.database,
            upstream_host=settings.primary_host,
            upstream_port=settings.primary_port,
            password=settings.guard_password,
            cluster=settings.cluster_name,
            region=site.region,
            role_arn=names.role_arn("guard"),
            primary_labels=settings.primary_pod_labels,
            primary_admits=settings.primary_admits,
        ),
        opts,
    )
    BackupCronJob(
        "backup-postgres-full",
        BackupCronJobArgs(
            site="prod",
            account=account,
            dataset="postgres",
            kind="full",
            backup=postgres.full,
            time_zone=plan.time_zone,
            plan_map=plan_map,
            namespace=site.namespace,
            image=settings.runner_image,
            host=settings.backup_host,
            port=settings.primary_port,
            database=postgres.database,
            password=settings.backup_password,
            lock_mode=settings.lock_mode,
            cluster=settings.cluster_name,
            region=site.region,
            role_arn=names.role_arn("writer"),
        ),
        opts,
    )
    if settings.peering:
        PeeringAcceptance(
            "dr-peering",
            PeeringAcceptanceArgs(
                region=site.region,
                peering=settings.peering.connection,
                dr_cidr=settings.peering.dr_cidr,
                route_tables=settings.peering.route_tables,
            ),
            pulumi.ResourceOptions(providers=[cloud]),
        )

    # Plain values only: the dr stack reads them, and it must never need this stack's secrets.
    pulumi.export("primary_host", settings.primary_host)
    pulumi.export("primary_port", str(settings.primary_port))
    pulumi.export("edge", settings.edge)
    pulumi.export("system_identifier", settings.system_identifier)
