"""Why PostgreSQL cannot be reached, each cause told apart by what libpq says."""

import psycopg
import pytest

from engines.postgres.connection_errors import worded
from recovery.errors import Refused, Unreachable

_AT = 'connection to server at "10.0.0.5", port 5432 failed: '


@pytest.mark.parametrize(
    ("said", "kind", "what", "advice"),
    [
        ('FATAL:  password authentication failed for user "x"', Refused, "turns this login away", "PGUSER"),
        ("fe_sendauth: no password supplied", Refused, "turns this login away", "PGPASSFILE"),
        ('FATAL:  no pg_hba.conf entry for host "1"', Refused, "does not admit this login", "pg_hba.conf"),
        ('FATAL:  role "x" does not exist', Refused, "does not know this role", "dr_promoter"),
        ('FATAL:  database "x" does not exist', Refused, "does not have this database", "plan"),
        ('FATAL:  permission denied for database "x"', Refused, "does not admit this login", "admits"),
        ("SSL error: certificate verify failed", Refused, "does not agree on TLS", "PGSSLROOTCERT"),
        ("server does not support SSL, but SSL was required", Refused, "does not agree on TLS", "PGSSLMODE"),
        ("SSL SYSCALL error: EOF detected", Unreachable, "does not answer", "network"),
        ("Connection refused\n\tIs the server running?", Unreachable, "refuses connections", "start the server"),
        ("timeout expired", Unreachable, "does not answer in time", "network"),
        ("No route to host", Unreachable, "does not answer in time", "routes"),
        ("FATAL:  the database system is starting up", Unreachable, "is not ready yet", "wait"),
        ("FATAL:  sorry, too many clients already", Unreachable, "has no connection left", "max_connections"),
        ('could not translate host name "db" to address', Unreachable, "has an address that nobody knows", "DNS"),
        ("something new", Unreachable, "does not answer", "log"),
    ],
)
def test_each_cause_has_its_own_next_step(said: str, kind: type[Exception], what: str, advice: str) -> None:
    found = worded("10.0.0.5:5432", psycopg.OperationalError(_AT + said))
    assert type(found) is kind
    assert found.what.startswith(f"PostgreSQL at 10.0.0.5:5432 {what}: ")
    assert "\n" not in found.what
    assert advice in found.next_step
    assert "restore" not in found.next_step
