"""CronJobs and their Jobs as Kubernetes writes them."""

from datetime import UTC, datetime
from typing import Any

from cloud.cluster_jobs import read_jobs
from recovery.ports.cluster import FailedJob, ScheduledJobs

CRON_JOB = {
    "metadata": {"name": "backup", "uid": "u1", "creationTimestamp": "2026-10-01T12:00:00Z"},
    "spec": {"schedule": "0 2 * * *", "suspend": False},
    "status": {"lastSuccessfulTime": "2026-11-01T02:10:00Z"},
}


def job(name: str, owner: str = "u1", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "ownerReferences": [{"uid": owner}]}, "status": status}


def failed(name: str, at: str, **more: Any) -> dict[str, Any]:
    """Kubernetes says FailureTarget first, and Failed when the Pods are gone."""
    ended = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": at}
    return job(name, conditions=[{"type": "FailureTarget", "status": "True"}, ended], startTime=at, **more)


def test_the_last_failed_job_of_a_cron_job_is_named_and_others_jobs_are_not() -> None:
    jobs = [
        failed("new", "2026-11-03T04:00:00Z"),
        failed("old", "2026-11-02T04:00:00Z"),
        job("strange", owner="u2", startTime="2026-11-01T00:00:00Z"),
        job("done", conditions=[{"type": "Complete", "status": "True"}], startTime="2026-11-01T02:00:00Z"),
        job("busy", startTime="2026-11-04T02:00:00Z"),
        {"metadata": {"name": "by hand"}, "status": {}},
    ]
    assert read_jobs([CRON_JOB], jobs) == (
        ScheduledJobs(
            name="backup",
            since=datetime(2026, 10, 1, 12, tzinfo=UTC),
            schedule="0 2 * * *",
            suspended=False,
            running_since=datetime(2026, 11, 4, 2, tzinfo=UTC),
            succeeded=datetime(2026, 11, 1, 2, 10, tzinfo=UTC),
            failed=FailedJob("new", "DeadlineExceeded", datetime(2026, 11, 3, 4, tzinfo=UTC)),
        ),
    )


def test_a_cron_job_that_never_ran_has_nothing_to_tell() -> None:
    own = {"name": "new", "uid": "u", "creationTimestamp": "2026-10-01T12:00:00Z"}
    new = {"metadata": own, "spec": {"schedule": "0 2 * * *", "suspend": True}}
    (found,) = read_jobs([new], [])
    assert (found.suspended, found.running_since, found.succeeded, found.failed) == (True, None, None, None)
