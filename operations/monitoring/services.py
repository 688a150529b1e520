"""The services at the DR site, against the size that they should have."""

from operations.monitoring.findings import OK, WARNING, Judged
from operations.monitoring.known import Known
from recovery.ports.cluster import DeploymentState


def judge_services(states: dict[str, DeploymentState], known: Known) -> Judged:
    """The warm floor, or full size once the DR site is active."""
    services = known.bundle.plan.services
    short: list[str] = []
    few = False  # fewer than traffic would move at
    for name, service in services.items():
        wanted = service.full if known.dr_active else service.warm
        ready = states[name].ready if name in states else 0
        if ready < wanted:
            problems = states[name].problems if name in states else ("no such Deployment",)
            short.append(f"{name} {ready} of {wanted}" + (f" ({'; '.join(problems)})" if problems else ""))
            few = few or ready < service.least
    if not short:
        return Judged(OK, f"all {len(services)} at {'full size' if known.dr_active else 'the warm floor'}")
    scaling = "still scaling: " if known.dr_active and not few else ""
    return Judged(WARNING, f"{scaling}{', '.join(short)}")
