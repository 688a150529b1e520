"""What became of the Jobs that CronJobs made, read from the cluster's own objects."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recovery.ports.cluster import FailedJob, ScheduledJobs

_Object = Mapping[str, Any]


def read_jobs(cron_jobs: Sequence[_Object], jobs: Sequence[_Object]) -> tuple[ScheduledJobs, ...]:
    """By CronJob, in the order of their names."""
    return tuple(_read(each, jobs) for each in sorted(cron_jobs, key=lambda each: str(each["metadata"]["name"])))


def _read(cron_job: _Object, jobs: Sequence[_Object]) -> ScheduledJobs:
    own, status = cron_job["metadata"], cron_job.get("status", {})
    made = [
        job for job in jobs if any(each["uid"] == own["uid"] for each in job["metadata"].get("ownerReferences", ()))
    ]
    running = [job["status"]["startTime"] for job in made if not _ended(job) and job.get("status", {}).get("startTime")]
    failed = sorted((_failed(job) for job in made if _condition(job, "Failed")), key=lambda each: each.at)
    return ScheduledJobs(
        name=own["name"],
        since=datetime.fromisoformat(own["creationTimestamp"]),
        schedule=cron_job["spec"]["schedule"],
        suspended=bool(cron_job["spec"].get("suspend")),
        running_since=min(map(datetime.fromisoformat, running), default=None),
        succeeded=_time(status.get("lastSuccessfulTime")),
        failed=failed[-1] if failed else None,
    )


def _failed(job: _Object) -> FailedJob:
    condition = _condition(job, "Failed")
    return FailedJob(
        name=job["metadata"]["name"],
        reason=str(condition.get("reason", "")),
        at=datetime.fromisoformat(condition["lastTransitionTime"]),
    )


def _ended(job: _Object) -> bool:
    return bool(_condition(job, "Failed") or _condition(job, "Complete"))


def _condition(job: _Object, kind: str) -> _Object:
    conditions = job.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind and each["status"] == "True"), {})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
