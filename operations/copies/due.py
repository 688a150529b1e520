"""`dr backup … --if-due`: whether this site owes a full backup now, by the lease, the catalog and the log."""

from engines.catalog import newest
from engines.registry import DATASETS
from operations.context import Context
from operations.copies.buckets import backup_bucket
from recovery.copies.retention import FULL, terms_of
from recovery.ports.control_table import LeaseStore


def why_due(context: Context, leases: LeaseStore, dataset: str) -> str:
    """In words; empty when none is due, and at a site that does not hold the lease.

    Raises Unreachable, Refused, Corrupt: who cannot look does not know, and the next look is minutes away."""
    lease = leases.read()
    if lease is None or lease.site != context.site or lease.state != "held":
        return ""
    into = terms_of(context.plan, dataset, FULL).bucket_of(context.site)
    full = newest(backup_bucket(context, into), dataset, FULL).manifest
    if full is None:
        return "there is no full backup yet"
    if full.source.epoch < lease.epoch:
        return f"the newest full backup is of epoch {full.source.epoch}, and this is epoch {lease.epoch}"
    log = DATASETS[dataset].log
    return log.lost_since(full, backup_bucket(context, "dr")) if log else ""
