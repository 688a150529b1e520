"""A restore into somebody's claim, as the DR cluster shows it: the claim, its Job, who else uses it; and what speaks
against it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from recovery.copies.beside import SiteNamespace
from recovery.errors import Failed, Refused
from recovery.names import RESTORE_NAMESPACE

Stage = Literal["waiting", "restoring", "done", "failed"]
WORDS: dict[Stage, str] = {
    "waiting": "waiting for a node and the disk",
    "restoring": "restoring",
    "done": "restored",
    "failed": "failed",
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """`bytes`: how large its disk is, or will be. `problem`: why nothing can be restored into it; `users`: Pods that
    mount it and are not the restore's."""

    name: str
    bytes: int
    problem: str = ""
    users: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClaimJob:
    """The restore's Job. `words`: what it waits for, or the last that it said when it failed."""

    asked: str
    to: str
    stage: Stage
    words: str = ""


class ClaimRoom(SiteNamespace, Protocol):
    """The namespace for such restores. Every method raises Unreachable, and Refused when the API says no."""

    def claim(self, name: str) -> Claim:
        """Raises Refused where there is none."""
        ...

    def job(self, claim: str) -> ClaimJob | None: ...

    def template(self) -> Mapping[str, Any]:
        """The CronJob that a Job is made of."""
        ...

    def create(self, job: Mapping[str, Any]) -> None:
        """Raises Refused where somebody was faster."""
        ...

    def delete(self, claim: str) -> None:
        """Have the Job of a claim taken away, and its Pods."""
        ...

    def gone(self, claim: str) -> bool:
        """Whether neither Job nor Pod of a restore into the claim is left."""
        ...


def goes_on(job: ClaimJob | None, asked: str | None, claim: str) -> bool:
    """Whether `job` is what `asked` wants: the same point, or nothing in particular, and not failed. Raises Refused for
    another point than that of a Job that is at work or done."""
    if job is None or job.stage == "failed":
        return False
    if asked in (None, job.asked, job.to):
        return True
    state = "holds" if job.stage == "done" else "is being filled with"
    raise Refused(
        f"claim {claim} {state} the database as of {job.asked}",
        next_step="name another claim: a restore never writes over data",
    )


def require_claim(claim: Claim, needed: int) -> None:
    """Raises Refused for a claim that nothing can be restored into, that somebody uses, or that is too small."""
    if claim.problem:
        raise Refused(
            f"claim {claim.name} in {RESTORE_NAMESPACE} {claim.problem}",
            next_step="name another one, with a file system that one Pod can write",
        )
    if claim.users:
        raise Refused(
            f"claim {claim.name} is used by {', '.join(claim.users)}",
            next_step="end that Pod first, or name another claim: a restore never writes where somebody works",
        )
    if claim.bytes < needed:
        raise Refused(
            f"the restore needs {needed:,} bytes, claim {claim.name} has {claim.bytes:,}",
            next_step="make a larger claim (its class can grow one that exists), and run this again",
        )


def ended(job: ClaimJob | None, claim: str) -> bool:
    """Whether it is done. Raises Failed when it has failed, or was taken away."""
    if job is None:
        raise Failed(f"the restore into claim {claim} is gone: somebody took its Job away", next_step="run this again")
    if job.stage == "failed":
        raise Failed(f"the restore into claim {claim} failed:\n{job.words}", next_step="mend that, and run this again")
    return job.stage == "done"


def server_pod(claim: str, image: str) -> str:
    """How a server mounts it, as a piece of a Pod's YAML."""
    return f"""\
  securityContext: {{runAsUser: 999, runAsGroup: 999, fsGroup: 999, runAsNonRoot: true}}
  containers:
    - name: postgres
      image: {image}
      env: [{{name: PGDATA, value: /var/lib/postgresql/restored/data}}]
      volumeMounts: [{{name: restored, mountPath: /var/lib/postgresql/restored}}]
  volumes:
    - name: restored
      persistentVolumeClaim: {{claimName: {claim}}}"""
