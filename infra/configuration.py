"""Copies of configuration, the same at both sites: what may be seen of the cluster, and the schedule."""

import pulumi

from components.cluster.backup_cron_jobs import BackupCronJobs, BackupCronJobsArgs
from components.cluster.configuration_export import ConfigurationExport, ConfigurationExportArgs
from components.runners import Runners


def declare_copies(
    at: Runners,
    endpoint: pulumi.Input[str],
    ca_data: pulumi.Input[str],
    lock_mode: str,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """`endpoint` and `ca_data` are the site's API server's."""
    section = at.names.plan.datasets.configuration
    seen = ConfigurationExport(
        "configuration-export",
        ConfigurationExportArgs(at=at, endpoint=endpoint, ca_data=ca_data, section=section),
        opts,
    )
    jobs = BackupCronJobs(
        "backup-configuration",
        BackupCronJobsArgs(at=at, source=seen.source, kinds={"full": section.full}, lock_mode=lock_mode),
        pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[seen])),
    )
    return [seen, jobs]
