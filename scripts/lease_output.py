"""How the lease looks."""

from dataclasses import asdict
from datetime import datetime

from recovery.lease.lease import Lease, format_lsn
from scripts.output import table


def as_json(lease: Lease) -> dict[str, object]:
    """The lease as `--json` shows it; positions also as PostgreSQL writes them."""
    value: dict[str, object] = asdict(lease)
    if lease.heartbeat:
        value["heartbeat"] = asdict(lease.heartbeat) | {
            "at": lease.heartbeat.at.isoformat(),
            "lsn_text": format_lsn(lease.heartbeat.lsn),
        }
    return value


def print_lease(lease: Lease, now: datetime) -> None:
    """For people: who has it, and what its guard saw last."""
    fenced = "no record" if not lease.fenced_epoch else f"epoch {lease.fenced_epoch}"
    if lease.fenced_epoch and not lease.fenced_by(lease.epoch):
        fenced += " (of an older epoch: proves nothing now)"
    rows = [
        ("site", lease.site),
        ("epoch", lease.epoch),
        ("state", lease.state),
        ("lease", f"{lease.lease_seconds:g} s, a successor waits {lease.fence_seconds:g} s"),
        ("taken by run", lease.holder_run),
        ("guard", lease.boot_id or "none yet"),
        ("renewals", lease.renewals),
        ("old holder fenced", fenced),
        ("system identifier", lease.system_identifier or "not known yet: no guard has seen the primary"),
    ]
    if beat := lease.heartbeat:
        age = max(0.0, (now - beat.at).total_seconds())
        rows += [
            ("primary seen", f"{age:.1f} s ago ({beat.at:%Y-%m-%d %H:%M:%S} UTC)"),
            ("primary position", f"{format_lsn(beat.lsn)}, timeline {beat.timeline}"),
            ("commits per second", f"{beat.commits_per_second:.1f}"),
        ]
    else:
        rows.append(("primary seen", "never"))
    table("Site lease", ("what", "value"), rows)
