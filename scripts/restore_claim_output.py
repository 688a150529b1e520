"""How a restore into a claim looks: one under way, one that is done, and how to mount it."""

from typing import Any

from recovery.copies.claim_restore import WORDS, ClaimJob, server_pod
from recovery.names import RESTORE_NAMESPACE
from scripts.output import console, emit_json


def underway(claim: str, job: ClaimJob, *, json: bool) -> None:
    """Somebody's, or one's own of before."""
    if json:
        emit_json({"restored": False, **_facts(claim, job), "stage": job.stage, "words": job.words})
        return
    words = ": ".join(filter(None, (WORDS[job.stage], job.words)))
    _say(f"claim {claim} is to be as of {job.asked}: {words}\nNext: the same with --execute follows it")


def done(claim: str, job: ClaimJob, seconds: float, forecast: float | None, *, json: bool) -> None:
    """What there is now."""
    if json:
        emit_json({"restored": True, **_facts(claim, job), "seconds": round(seconds, 3), "forecast_seconds": forecast})
        return
    of = "" if forecast is None else f" (forecast {forecast:.1f} s)"
    _say(
        f"restored and verified: the database as of {job.asked} (log up to {job.to}) in claim {claim}, folder data, "
        f"{seconds:.1f} s{of}\n"
        f"It archives nothing and follows nobody. A server of yours, in namespace {RESTORE_NAMESPACE}, mounts it:\n"
        f"{server_pod(claim, 'postgres of the same major version, by digest')}\n"
        "Its connections are denied until you add a NetworkPolicy; its logins have the passwords of that moment."
    )


def _facts(claim: str, job: ClaimJob) -> dict[str, Any]:
    return {"claim": claim, "namespace": RESTORE_NAMESPACE, "asked": job.asked, "to": job.to}


def _say(text: str) -> None:
    console.print(text, markup=False)
