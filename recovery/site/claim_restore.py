"""The Job that restores into somebody's claim: what a reviewer sees of it, and what is filled in for one restore."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from recovery.names import ACCEPTED_INCREMENTALS, RESTORE_TEMPLATE

CONTAINER, VOLUME, FOLDER = "restore", "target", "/restore"
DATA = "data"
"""The folder of the claim that the data is in: a file system's own root is never empty, and cannot be renamed to."""
PLACEHOLDER = "none"
"""The claim of the template, which nobody runs."""
_TO = "RESTORE_TO"
_LONGEST_NAME = 63  # of a Job: its Pods' label. https://kubernetes.io/docs/concepts/workloads/controllers/job/
ASKED, TO, ACCEPTS = (f"dr.ultramarket.com/{each}" for each in ("asked", "to", "accept-incrementals-of"))
"""Annotations of a Job: the point in somebody's words, what it was when they asked, and whose incrementals count."""


def command(bucket: str, region: str) -> list[str]:
    """What the Job runs. Killed, its next try clears away what the last left."""
    reads = ["--bucket", bucket, "--region", region]
    return ["dr", "restore", "postgres", "--to", f"$({_TO})", *reads, "--into", f"{FOLDER}/{DATA}", "--execute"]


def variables(to: str, accepts: str) -> dict[str, str]:
    """What differs from restore to restore."""
    return {_TO: to, ACCEPTED_INCREMENTALS: accepts}


def job_name(claim: str) -> str:
    """One Job a claim: whoever comes second meets the first one's."""
    return f"{RESTORE_TEMPLATE}-{claim}"


def fits(claim: str) -> bool:
    """Whether a Job can have this claim in its name."""
    return len(job_name(claim)) <= _LONGEST_NAME


def filled(template: Mapping[str, Any], claim: str, *, asked: str, to: str, accepts: str) -> dict[str, Any]:
    """The Job of a CronJob's template, for this claim and point."""
    spec = deepcopy(dict(template["spec"]["jobTemplate"]["spec"]))
    pod = spec["template"]["spec"]
    for volume in pod["volumes"]:
        if volume["name"] == VOLUME:
            volume["persistentVolumeClaim"]["claimName"] = claim
    given = variables(to, accepts)
    (container,) = pod["containers"]
    for each in container["env"]:
        if each["name"] in given:
            each["value"] = given[each["name"]]
    labels = dict(template["metadata"].get("labels") or {})
    annotations = {ASKED: asked, TO: to, ACCEPTS: accepts}
    metadata = {"name": job_name(claim), "labels": labels, "annotations": annotations}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
