"""Runs the declared CronJob's Job in production's cluster now instead of at 02:00, and looks at what it left."""

import json
from datetime import datetime
from typing import Any

from lab.kubernetes.api import Api
from lab.machine.processes import wait_until
from lab.world import World
from recovery.names import backup_cron_job, folder_of

BATCH = "/apis/batch/v1/namespaces/ultramarket-production"
JOB = "backup-now"


def run(world: World) -> dict[str, Any]:
    """As `kubectl create job --from=cronjob/…`: wait for it, verify what it made, wait for the copy in the DR bucket.

    `bytes` and `replicated` are read from the buckets, `seconds` from the Job's own times. Raises RuntimeError with
    the Job's log when it fails, TimeoutError when no copy arrives.
    """
    api = world.prod.api()
    _create(api)
    wait_until(lambda: _ended(api), timeout=60, what=f"Job {JOB}", interval=0.2)
    status = api.get(f"{BATCH}/jobs/{JOB}")["status"]
    if not status.get("succeeded"):
        raise RuntimeError(f"Job {JOB} failed:\n{_log(world)}")
    verified = world.dr_command("verify", "latest", "--site", "prod", "--json", env={"DR_SITE": "prod"})
    if verified.returncode:
        raise RuntimeError(f"dr verify ended with {verified.returncode}: {verified.stderr}")
    manifest = str(json.loads(verified.stdout)["manifest"])
    folder = folder_of(manifest)
    here = _objects(world, "prod", folder)
    wait_until(
        lambda: _objects(world, "dr", folder) == here, timeout=30, what="the copy in the DR bucket", interval=0.2
    )
    return {
        "manifest": manifest,
        "bytes": sum(size for _, size in here),
        "seconds": (_time(status["completionTime"]) - _time(status["startTime"])).total_seconds(),
        "verified": json.loads(verified.stdout)["verified"],
        "replicated": _objects(world, "dr", folder) == here,
    }


def _create(api: Api) -> None:
    declared = api.get(f"{BATCH}/cronjobs/{backup_cron_job('postgres', 'full')}")
    api.create(f"{BATCH}/jobs", {"metadata": {"name": JOB}, "spec": declared["spec"]["jobTemplate"]["spec"]})


def _ended(api: Api) -> bool:
    conditions = api.get(f"{BATCH}/jobs/{JOB}")["status"].get("conditions", [])
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _objects(world: World, site: Any, folder: str) -> list[tuple[str, int]]:
    s3 = world.cloud("s3", world.plan.site(site).region)
    found = s3.list_objects_v2(Bucket=world.names.backup_bucket(site), Prefix=folder)
    return sorted((each["Key"], each["Size"]) for each in found.get("Contents", ()))


def _log(world: World) -> str:
    logs = sorted(world.prod.pod_logs.glob(f"{JOB}*"))
    return "\n".join(path.read_text(errors="replace")[-2000:] for path in logs)
