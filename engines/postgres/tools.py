"""PostgreSQL's own tools and identity: argument lists, versions, which server this is, output without secrets.

Connections are libpq's: PGHOST, PGPORT, PGUSER, PGPASSWORD or PGPASSFILE from the environment, never an argument.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.postgres import tls_errors
from recovery.errors import Failed, Refused, Unreachable
from recovery.lease.lease import format_lsn

if TYPE_CHECKING:
    import psycopg

_CONNECT_SECONDS = 10
_SECRET_NAMES = ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_PARAMETERS = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGREQUIREAUTH": "require_auth",
}
_IN_TEXT = re.compile(r"(?i)(password\s*=\s*)('[^']*'|\S+)|(postgres(?:ql)?://[^:/\s]+:)[^@\s]+@")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which server answered: `system_identifier` is made once by initdb and shared by all its standbys."""

    system_identifier: str
    timeline: int
    server_version: str  # 18.6
    in_recovery: bool
    size_bytes: int  # of all databases, for progress


def waldump_arguments(binary: str, folder: Path, timeline: int, start: int, stop: int) -> list[str]:
    """Read through the WAL from `start` to `stop` and say nothing but what is wrong with it."""
    return [
        binary,
        "--quiet",
        f"--path={folder}",
        f"--timeline={timeline}",
        f"--start={format_lsn(start)}",
        f"--end={format_lsn(stop)}",
    ]


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What PostgreSQL's tools get: ours without AWS credentials, messages in English."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    return kept | {"LC_ALL": "C", "PGAPPNAME": "dr"}


def redact(text: str, environment: Mapping[str, str]) -> str:
    """`text` without the secrets of `environment` and without anything that looks like a password."""
    for name in _SECRET_NAMES:
        if secret := environment.get(name):
            text = text.replace(secret, "***")
    return _IN_TEXT.sub(lambda found: f"{found[1] or found[3]}***{'@' if found[3] else ''}", text)


def find_tool(name: str, environment: Mapping[str, str]) -> str:
    """Path of one of PostgreSQL's programs. Raises Refused when it is not on PATH."""
    path = shutil.which(name, path=environment.get("PATH"))
    if path is None:
        raise Refused(
            f"{name} is not on PATH",
            next_step="install PostgreSQL's programs of the server's major version (Debian: postgresql-NN) "
            "or use the dr-runner image",
        )
    return path


def tool_version(path: str, environment: Mapping[str, str]) -> str:
    """`pg_basebackup (PostgreSQL) 18.6 (Debian ...)` → `18.6`. Raises Failed when the program does not run."""
    try:
        said = subprocess.run(
            [path, "--version"], env=child_environment(environment), capture_output=True, timeout=30, check=True
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"{path} --version failed: {error}", next_step="reinstall PostgreSQL's programs") from None
    found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", said)
    if not found:
        raise Failed(f"{path} is not one of PostgreSQL's programs: it calls itself {said.strip()!r}")
    return found[1]


def require_same_major(tool: str, version: str, server_version: str) -> None:
    """Raises Refused when a tool is of another major version than the server (fault 36)."""
    if version.split(".")[0] != server_version.split(".")[0]:
        raise Refused(
            f"{tool} is version {version}, the server is {server_version}: major versions must be equal",
            next_step=f"use an image with PostgreSQL {server_version.split('.')[0]}'s programs",
        )


def server_address(environment: Mapping[str, str]) -> str:
    """Which server libpq's variables name, for messages."""
    return f"{environment.get('PGHOST', 'the local socket')}:{environment.get('PGPORT', '5432')}"


def reached_by(environment: Mapping[str, str]) -> str:
    """How to connect to the server that `environment` names, which need not be the one that this process's own
    variables do: a connection string of libpq's, without password."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(**{key: environment[name] for name, key in _PARAMETERS.items() if name in environment})


def libpq_version() -> str:
    """Of the library that the backup comes through: 18.6."""
    from psycopg import pq

    number = pq.version()
    return f"{number // 10_000}.{number % 10_000}"


def identify(database: str, environment: Mapping[str, str]) -> Identity:
    """Who is at the other end, asked over the same kind of connection that the backup uses.

    Raises Refused when `database` is not there (fault 35: a wrong server), Unreachable when nothing answers.
    """
    import psycopg  # a fifth of a second, which the commands that only read the bucket need not wait for

    where, reached = server_address(environment), reached_by(environment)
    try:
        # IDENTIFY_SYSTEM, not pg_control_checkpoint(): the latter lags behind a promotion until its checkpoint.
        with psycopg.connect(
            f"replication=true {reached}", autocommit=True, connect_timeout=_CONNECT_SECONDS
        ) as walsender:
            system = walsender.execute("IDENTIFY_SYSTEM").fetchone()
        with psycopg.connect(reached, dbname=database, autocommit=True, connect_timeout=_CONNECT_SECONDS) as session:
            facts = session.execute(
                "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),"
                " (SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn)"
            ).fetchone()
    except psycopg.Error as error:
        raise _connection_error(where, database, redact(str(error).strip(), environment)) from None
    if system is None or facts is None:
        raise Failed(f"PostgreSQL at {where} did not say who it is")
    number = int(facts[0])
    return Identity(
        system_identifier=_text(system[0]),
        timeline=int(system[1]),
        server_version=f"{number // 10_000}.{number % 10_000}",
        in_recovery=bool(facts[1]),
        size_bytes=int(facts[2] or 0),
    )


@contextmanager
def session(database: str, environment: Mapping[str, str]) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
    """An ordinary session. Raises Refused or Unreachable as `identify` does, also for what fails within."""
    import psycopg

    try:
        with psycopg.connect(
            reached_by(environment), dbname=database, autocommit=True, connect_timeout=_CONNECT_SECONDS
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise _connection_error(
            server_address(environment), database, redact(str(error).strip(), environment)
        ) from None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _connection_error(where: str, database: str, said: str) -> Failed | Refused:
    if f'database "{database}" does not exist' in said:
        return Refused(
            f"the server at {where} has no database {database}: this is not UltraMarket's PostgreSQL",
            next_step="check PGHOST and PGPORT against the site's primary or replica",
        )
    if tls_errors.disagrees(said):
        return Refused(f"PostgreSQL at {where} {tls_errors.WHAT}: {said}", next_step=tls_errors.NEXT_STEP)
    if any(sign in said for sign in ("authentication failed", "pg_hba.conf", "permission denied", "role ")):
        return Refused(
            f"PostgreSQL at {where} does not let us in to {database}: {said}",
            next_step="check PGUSER, PGPASSWORD or PGPASSFILE, and that pg_hba.conf admits replication from here",
        )
    return Unreachable(
        f"PostgreSQL at {where} does not answer: {said}", next_step="check that it runs and can be reached from here"
    )
