"""Publishes what `dr status` found, for the alarms of `recovery.monitoring.alarms`."""

from collections.abc import Sequence

from operations.monitoring.findings import Finding, worst
from recovery.errors import Unreachable
from recovery.names import WORST_FINDING
from recovery.ports.metrics import MetricSink


def publish(findings: Sequence[Finding], *, own: MetricSink, other: MetricSink) -> list[Unreachable]:
    """Every finding in the region of the monitor, the worst also in the other one, which so hears when the monitor is
    silent. What one region did not take is in the answer. Raises Unreachable when neither took any."""
    last = {WORST_FINDING: worst(findings)}
    missed: list[Unreachable] = []
    for sink, levels in ((own, last | {each.name: each.level for each in findings}), (other, last)):
        try:
            sink.put(levels)
        except Unreachable as error:
            missed.append(error)
    if len(missed) == 2:
        raise missed[0]
    return missed
