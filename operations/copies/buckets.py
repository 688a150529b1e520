"""Which bucket the commands about copies work on."""

import os
from pathlib import Path

from cloud.objects import S3Bucket
from operations.context import Context
from recovery.errors import Refused
from recovery.plan.plan import SITES, SiteName

LOCK_MODES = ("GOVERNANCE", "COMPLIANCE")


def lock_mode() -> str:
    """How copies are locked. Raises Refused when DR_LOCK_MODE is set to something S3 does not know."""
    mode = os.environ.get("DR_LOCK_MODE", LOCK_MODES[0])
    if mode not in LOCK_MODES:
        raise Refused(
            f"DR_LOCK_MODE is {mode!r}; copies are always locked",
            next_step="set it to GOVERNANCE or, in production, COMPLIANCE (or unset it: GOVERNANCE)",
        )
    return mode


def backup_bucket(context: Context, site: SiteName) -> S3Bucket:
    """The bucket in `site`'s region. Raises Refused when DR_LOCK_MODE is set to something S3 does not know."""
    mode = lock_mode()
    return S3Bucket(context.names.backup_bucket(site), context.plan.site(site).region, lock_mode=mode)


def site_of_bucket(context: Context, wanted: str) -> SiteName:
    """Whose bucket to read: the one named, else this site's own, else production's. Raises Refused for another word."""
    for site in SITES:
        if (wanted or context.site_option or "prod") == site:
            return site
    raise Refused(f"there is no site {wanted or context.site_option!r}", next_step="name prod or dr")


def bucket_to_read(name: str, region: str, plan: Path, account: str, source: str) -> S3Bucket:
    """The bucket named, or that of a site of the plan. Raises Refused, PlanError."""
    if name:
        if not region:
            raise Refused(f"--bucket {name} alone does not say where it is", next_step="add --region")
        return S3Bucket(name, region)
    context = Context.load(plan, account)
    return backup_bucket(context, site_of_bucket(context, source))
