"""Tries to get past the gate: a connection as the application, straight to the database's address."""

import re
import socket

import psycopg

from engines.postgres.connection_errors import first_line, worded
from recovery.errors import Silent, Unreachable

# pg_hba.conf decides before anybody is asked for a password, so none is needed to ask whether it lets the role in.
_REFUSED = re.compile(r"pg_hba\.conf rejects|no pg_hba\.conf entry")
# What is said only to those it let in.
_LET_IN = re.compile(
    r"no password supplied|authentication failed|permission denied for database|is not permitted to log in"
    r'|(database|role) ".*" does not exist'
)
_FATAL = re.compile(r"FATAL: +(.*)")


def knock(host: str, port: int, *, database: str, role: str, timeout: int = 3) -> tuple[bool, str]:
    """(whether the database refused, its words). With TLS and, where that is refused, without, so that a rule for
    either is found. Raises Unreachable (Silent when nothing at all came back) or Refused when the database did not say.
    """
    try:
        psycopg.connect(
            host=host,
            port=port,
            dbname=database,
            user=role,
            password="",  # whatever the environment has: it is another role's
            passfile="/dev/null/none",  # libpq warns of one that is there and is no plain file
            sslmode="prefer",
            gssencmode="disable",
            connect_timeout=timeout,
            application_name="dr check wall",
        ).close()
    except psycopg.OperationalError as error:
        said = str(error)
        if _LET_IN.search(said):
            return False, _words(said, _LET_IN, first_line(error))
        if _REFUSED.search(said):
            return True, _words(said, _REFUSED, first_line(error))
        if isinstance(error, psycopg.errors.ConnectionTimeout):
            raise _without_a_word(host, port, timeout) from None
        raise worded(f"{host}:{port}", error) from None
    return False, "it was logged in without a password"


def _without_a_word(host: str, port: int, timeout: int) -> Unreachable:
    """Whether the network lets nothing through, or only the server behind it says nothing."""
    what = f"nothing at {host}:{port} answers within {timeout} s"
    try:
        socket.create_connection((host, port), timeout).close()
    except TimeoutError:
        return Silent(
            what,
            next_step="check the network from here to it (routes, security groups, network policies), and its host",
        )
    except OSError as error:
        return Unreachable(f"{what}, then: {error.strerror}", next_step="see its host and its log, and check again")
    return Unreachable(
        f"{host}:{port} takes connections from here and says nothing within {timeout} s: the network lets this in",
        next_step="see whether the server there hangs (its log, its connections), and check again",
    )


def _words(said: str, sign: re.Pattern[str], otherwise: str) -> str:
    """The line with the sign, without what libpq puts in front of it."""
    line = next((each for each in said.splitlines() if sign.search(each)), otherwise)
    found = _FATAL.search(line)
    return found[1] if found else line.rpartition("failed: ")[2]
