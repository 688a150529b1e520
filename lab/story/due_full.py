"""The full backup that is due once the DR site is active: its CronJob looks every five minutes by itself, and here its
Job is started at once, as if those were over."""

import re
from typing import Any

from lab.story import backup_job
from lab.world import World
from recovery.names import due_cron_job, pointer_prefix

JOB = "due-now"
_DUE = re.compile(r"a full backup is due: (.*)")


def run(world: World) -> dict[str, Any]:
    """The Job finds out by itself that one is due, and makes it. Returns why, the epoch of the newest full in the DR
    bucket afterwards, and how long the Job took. Raises RuntimeError with its log when it fails."""
    ended = backup_job.run_job(world.dr, world.plan.sites.dr.namespace, due_cron_job("postgres"), JOB)
    why = _DUE.search(ended.log.replace("\n", " "))
    s3 = world.cloud("s3", world.plan.sites.dr.region)
    found = s3.list_objects_v2(Bucket=world.names.backup_bucket("dr"), Prefix=pointer_prefix("postgres", "full"))
    newest = max((each["Key"] for each in found.get("Contents", ())), default="")
    epoch = re.search(r"(\d+)\.json$", newest)
    return {
        "why": why[1].strip() if why else "",
        "epoch": int(epoch[1]) if epoch else 0,
        "seconds": ended.seconds,
    }
