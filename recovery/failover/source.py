"""Which PostgreSQL is production's: whatever else answers at the standby's address holds other data."""

from recovery.failover.bundle import Bundle
from recovery.lease.lease import Lease


def foreign(actual: str, bundle: Bundle, recorded: str) -> str:
    """What speaks against a database with system identifier `actual`; empty when nothing does.

    `recorded` is what the lease says: written by the first guard that saw production's primary. The bundle's is
    configured, and optional. Each of them that is known must agree.
    """
    known = {"as configured": bundle.system_identifier or "", "as the lease recorded it": recorded}
    for source, expected in known.items():
        if expected and expected != actual:
            return f"has system identifier {actual}, production's is {expected}, {source}"
    return ""


def expected(bundle: Bundle, lease: object) -> str:
    """Production's system identifier, as far as it is known: as configured, else as the lease recorded it, when `lease`
    is one and not why there is none. Where the two differ, `foreign` tells it of the standby."""
    recorded = lease.system_identifier if isinstance(lease, Lease) else ""
    return bundle.system_identifier or recorded
