"""What is told of each finding of `dr status`, and from which level. Pure data."""

from collections.abc import Mapping

from recovery.lease.wall import OLDEST
from recovery.plan.datasets import SCHEDULED_TODAY
from recovery.plan.plan import SITES
from recovery.units import read_duration

WARNING, CRITICAL = 1, 2
_SCHEDULED = [f"{dataset} {kind}" for dataset, kind in sorted(SCHEDULED_TODAY)]

FINDINGS: Mapping[str, tuple[int, str]] = {
    "lease": (CRITICAL, "the holder of the lease has stopped renewing it, so its gate is closed: `dr status`"),
    **{
        f"guard {site}": (CRITICAL, f"the guard of site {site} is silent or could not open its gate: `dr status`")
        for site in SITES
    },
    "standby": (
        WARNING,
        "the standby does not follow production, whose slot keeps WAL for it until its cap and no longer: `dr status`",
    ),
    "slots": (WARNING, "production's disk fills with WAL that a slot keeps, or nothing bounds it: `dr status`"),
    "disk": (WARNING, "the standby's disk is filling up; with a full one it is lost: `dr status`"),
    "collation": (WARNING, "text at the DR site is sorted in another way than at production: `dr status`"),
    "redis": (
        WARNING,
        "the DR site's Redis does not follow production's: a failover would lose what customers did since: `dr status`",
    ),
    "services": (WARNING, "services at the DR site are below the size that they should have: `dr status`"),
    "jobs": (WARNING, "a scheduled Job at the DR site failed, is suspended, or runs into the next: `dr status`"),
    "beside": (
        WARNING,
        "a server that somebody restored beside the site to look into has been there for more than a day: `dr status`",
    ),
    "edge": (WARNING, "customers would not get in at the DR site's edge, or soon not any more: `dr check edge`"),
    "marker": (CRITICAL, "the public name leads to a site that does not hold the lease: `dr status`"),
    **{
        f"wall {site}": (
            WARNING,
            f"applications get to site {site}'s database past its gate, or no check has shown otherwise for "
            f"{read_duration(OLDEST)}: `dr status`",
        )
        for site in SITES
    },
    **{
        f"backup {what}": (
            WARNING,
            "the newest backup is older than its schedule allows, so a Job failed or never ran: `dr status`, "
            "`dr backups`",
        )
        for what in _SCHEDULED
    },
    **{
        f"runs {what}": (WARNING, "a scheduled backup failed or did not run at a site: `dr status`")
        for what in _SCHEDULED
    },
    **{
        f"pruner {site}": (
            WARNING,
            f"the bucket {site} is not pruned, or a dataset in it cannot be judged: costs grow, `dr status` says why",
        )
        for site in SITES
    },
    **{
        f"hidden {site}": (
            CRITICAL,
            f"somebody hid copies in the bucket {site} whose locks still run; they go for good later: `dr status`",
        )
        for site in SITES
    },
    "log postgres": (
        WARNING,
        "PostgreSQL's log does not reach the DR bucket, or has a hole that no full backup has come after: `dr status`",
    ),
    **{
        f"arrival {what}": (WARNING, "a backup has not arrived whole in the DR bucket: `dr backups`")
        for what in _SCHEDULED
    },
    "assets": (WARNING, "static assets are not copied to the DR region, or S3 gave up on some: `dr status`"),
    "uploads dr": (CRITICAL, "unfinished uploads stay in the DR bucket: `dr status`"),
    "uploads prod": (CRITICAL, "unfinished uploads stay in production's bucket: `dr status`"),
    "promotion": (WARNING, "a promotion has begun and is not finished: `dr status`"),
}
"""Every finding of `dr status`: the level from which it is told, and what it says. No answer (unknown) is above all."""
