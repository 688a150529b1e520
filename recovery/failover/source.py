"""Which PostgreSQL is production's: whatever else answers at the standby's address holds other data."""

from recovery.failover.bundle import Bundle


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
