"""Runs the declared CronJob's Job in production's cluster now instead of at 02:00, and looks at what it left."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.kubernetes.api import Api
from lab.kubernetes.control_plane import Cluster
from lab.machine.processes import wait_until
from lab.world import World
from recovery.names import backup_cron_job, folder_of

JOB = "backup-now"


def run(world: World) -> dict[str, Any]:
    """As `kubectl create job --from=cronjob/…`: wait for it, verify what it made, wait for the copy in the DR bucket.

    `bytes` and `replicated` are read from the buckets, `seconds` from the Job's own times. Raises RuntimeError with
    the Job's log when it fails, TimeoutError when no copy arrives.
    """
    ended = run_job(world.prod, world.plan.sites.prod.namespace, backup_cron_job("postgres", "full"), JOB)
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
        "seconds": ended.seconds,
        "verified": json.loads(verified.stdout)["verified"],
        "replicated": _objects(world, "dr", folder) == here,
    }


@dataclass(frozen=True)
class Ended:
    """A Job that succeeded: how long it took by its own times, and what it said."""

    seconds: float
    log: str


def run_job(cluster: Cluster, namespace: str, cron_job: str, name: str) -> Ended:
    """Start the CronJob's Job under `name` and wait for it. Raises RuntimeError with its log when it fails."""
    api, jobs = cluster.api(), f"/apis/batch/v1/namespaces/{namespace}"
    declared = api.get(f"{jobs}/cronjobs/{cron_job}")
    api.create(f"{jobs}/jobs", {"metadata": {"name": name}, "spec": declared["spec"]["jobTemplate"]["spec"]})
    wait_until(lambda: _ended(api, f"{jobs}/jobs/{name}"), timeout=60, what=f"Job {name}", interval=0.2)
    status = api.get(f"{jobs}/jobs/{name}")["status"]
    log = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(cluster.pod_logs.glob(f"{name}*")))
    if not status.get("succeeded"):
        raise RuntimeError(f"Job {name} failed:\n{log}")
    return Ended((_time(status["completionTime"]) - _time(status["startTime"])).total_seconds(), log)


def _ended(api: Api, job: str) -> bool:
    conditions = api.get(job)["status"].get("conditions", [])
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _objects(world: World, site: Any, folder: str) -> list[tuple[str, int]]:
    s3 = world.cloud("s3", world.plan.site(site).region)
    found = s3.list_objects_v2(Bucket=world.names.backup_bucket(site), Prefix=folder)
    return sorted((each["Key"], each["Size"]) for each in found.get("Contents", ()))
