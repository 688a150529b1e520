"""The lease: whether its holder renews it, for the database that it was given for."""

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Judged
from operations.monitoring.known import Known
from recovery.errors import DrError


def judge_lease(known: Known) -> Judged:
    """A heartbeat older than the lease means a closed gate."""
    lease = known.lease
    if isinstance(lease, DrError):
        return Judged(UNKNOWN, lease.what, lease.next_step)
    if lease is None:
        return Judged(CRITICAL, "not initialised", "run `dr lease init --site prod`")
    words = f"site {lease.site}, epoch {lease.epoch}, {lease.state} by run {lease.holder_run}"
    if lease.heartbeat is None:
        return Judged(WARNING, f"{words}; its guard never reported")
    primary = lease.heartbeat.system_identifier
    if primary and lease.system_identifier and primary != lease.system_identifier:
        return Judged(
            CRITICAL,
            f"{words}; the primary behind its gate has system identifier {primary}, the lease recorded "
            f"{lease.system_identifier}: the standby follows another database",
            f"where production was rebuilt on purpose, say so: `dr lease system {primary} --replaces "
            f"{lease.system_identifier}`, and make a new standby; else find out whose database the gate leads to",
        )
    age = (known.now - lease.heartbeat.at).total_seconds()
    words += f"; last heartbeat {age:.0f} s ago"
    if age > lease.lease_seconds:
        return Judged(CRITICAL, f"{words}: longer than the lease of {lease.lease_seconds:.0f} s, so its gate is closed")
    return Judged(WARNING if age > 2 * known.bundle.plan.lease.renewal.total_seconds() else OK, words)
