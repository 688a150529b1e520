"""Why there is no connection to PostgreSQL, each cause with its own next step.

libpq gives no SQLSTATE for a connection that failed (the result it belongs to does not exist yet), so its text is
all there is: https://www.postgresql.org/docs/18/libpq-connect.html
"""

import re
from dataclasses import dataclass

import psycopg

from engines.postgres import tls_errors
from recovery.errors import DrError, Refused, Unreachable


@dataclass(frozen=True)
class _Cause:
    """`signs` are patterns. `refusal`: the server answered and said no, so neither waiting nor a restore would help."""

    signs: tuple[str, ...]
    what: str
    next_step: str
    refusal: bool


_CAUSES = (
    _Cause(
        ("password authentication failed", "no password supplied", "authentication failed for user"),
        "turns this login away",
        "correct PGUSER and its password (PGPASSWORD, PGPASSWORD_FILE or PGPASSFILE); the database itself answers",
        refusal=True,
    ),
    _Cause(
        ("no pg_hba.conf entry", "pg_hba.conf rejects", "permission denied for database"),
        "does not admit this login",
        "add a line to its pg_hba.conf for this role, database and address, or run this where one admits it",
        refusal=True,
    ),
    _Cause(tls_errors.SIGNS, tls_errors.WHAT, tls_errors.NEXT_STEP, refusal=True),
    _Cause(
        ('role ".*" does not exist', "is not permitted to log in"),
        "does not know this role",
        "correct PGUSER (a promotion logs in as dr_promoter), or make the role as the README says",
        refusal=True,
    ),
    _Cause(
        ('database ".*" does not exist',),
        "does not have this database",
        "correct datasets.postgres.database in the plan, or find out which server answers at this address",
        refusal=True,
    ),
    _Cause(
        ("too many (clients|connections)", "remaining connection slots"),
        "has no connection left",
        "end sessions there or raise max_connections; then run this again",
        refusal=False,
    ),
    _Cause(
        ("starting up", "shutting down", "not yet accepting", "recovery mode"),
        "is not ready yet",
        "wait until it accepts connections; its log says what it is doing",
        refusal=False,
    ),
    _Cause(
        ("resolve host", "translate host", "Name or service not known"),
        "has an address that nobody knows",
        "correct the address in the bundle (`pulumi up` on the dr stack), or the DNS of this machine",
        refusal=False,
    ),
    _Cause(
        ("Connection refused",),
        "refuses connections",
        "start the server: its machine answers, nothing listens on that port",
        refusal=False,
    ),
    _Cause(
        ("timeout", "timed out", "No route to host", "unreachable"),
        "does not answer in time",
        "check the network from here to it (routes, security groups, network policies) and that its machine runs",
        refusal=False,
    ),
)
_ELSE = _Cause((), "does not answer", "check its log, the address in the bundle and the network", refusal=False)


def worded(address: str, error: psycopg.Error) -> DrError:
    """Refused when the server answered and will not have us, else Unreachable."""
    said = first_line(error)
    cause = next((cause for cause in _CAUSES if any(re.search(sign, str(error)) for sign in cause.signs)), _ELSE)
    kind = Refused if cause.refusal else Unreachable
    return kind(f"PostgreSQL at {address} {cause.what}: {said}", next_step=cause.next_step)


def first_line(error: psycopg.Error) -> str:
    """Of what the server or libpq said."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
