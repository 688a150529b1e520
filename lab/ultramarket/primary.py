"""Production's PostgreSQL as UltraMarket runs it: a primary with orders, one role per duty, and rules about who may
connect by which way. The lab makes it; Pulumi only gets its address."""

import os
import pwd
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from lab.machine.addresses import POSTGRES_PORT
from lab.machine.binaries import Postgres
from lab.machine.processes import Child, Supervisor, die_with_parent, wait_until
from recovery.copies.chain import OLDEST_MAJOR
from recovery.names import ROLE_BACKUP, ROLE_GUARD, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION

DATABASE, OWNER, APPLICATION = "ultramarket", "ultramarket_owner", "ultramarket_app"


def database_uid() -> int | None:
    """The uid for PostgreSQL when we are root, which it refuses; initdb wants one with an account. None: our own."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


_SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "10",
    "max_slot_wal_keep_size": "1GB",  # a dead standby must not fill production's disk
    "client_connection_check_interval": "1s",  # a statement dies with its client, so a closed gate is closed
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0770",  # the gate's user is of the server's group, by the Pod's fsGroup
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # in the data folder: a killed server leaves nothing behind in /dev/shm
    "max_connections": "200",
}

# The application comes through the Unix socket, which only the gate can reach: docs/gate-sidecar.md. Other duties come
# by the network. Loopback gives a client that binds no address 127.0.0.1, so that stands for the database's own host.
_HBA = """\
local {database} {application},{promoter} scram-sha-256
local all {guard} scram-sha-256
local all all reject
host all {application},{guard} all reject
host all postgres {own}/32 scram-sha-256
host all postgres 127.0.0.1/32 scram-sha-256
host {database},postgres {backup},{promoter} 127.0.0.0/8 scram-sha-256
host replication {backup},{replication} 127.0.0.0/8 scram-sha-256
host all all all reject
"""

_SCHEMA = f"""
CREATE TABLE orders (id text PRIMARY KEY, client text NOT NULL, placed_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE orders OWNER TO {OWNER};
GRANT SELECT, INSERT ON orders TO {APPLICATION};
CREATE SCHEMA dr;
CREATE TABLE dr.site (site text NOT NULL, epoch int NOT NULL);
INSERT INTO dr.site VALUES ('prod', 1);
CREATE TABLE dr.probe (run text NOT NULL, step text NOT NULL, at timestamptz NOT NULL DEFAULT now());
GRANT USAGE ON SCHEMA dr TO {APPLICATION}, {ROLE_PROMOTER};
GRANT SELECT ON dr.site TO {APPLICATION};
GRANT INSERT ON dr.probe TO {APPLICATION};
GRANT SELECT, UPDATE ON dr.site TO {ROLE_PROMOTER};
GRANT SELECT, INSERT ON dr.probe TO {ROLE_PROMOTER};
"""  # noqa: S608 - constants of this file

_ROLES = {
    OWNER: "",
    APPLICATION: "NOINHERIT",
    ROLE_BACKUP: "REPLICATION",
    ROLE_REPLICATION: "REPLICATION",
    ROLE_GUARD: "",
    ROLE_PROMOTER: "",
    ROLE_MONITOR: "",
}
_GRANTS = (
    f"GRANT pg_signal_backend, pg_monitor TO {ROLE_GUARD}",
    f"GRANT pg_monitor, pg_checkpoint TO {ROLE_BACKUP}",
    f"GRANT pg_monitor TO {ROLE_PROMOTER}, {ROLE_MONITOR}",
    f"GRANT {OWNER} TO {APPLICATION}",  # deploys change the schema: SET ROLE
    f"GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer), pg_wal_replay_resume() TO {ROLE_PROMOTER}",
)


@dataclass
class Primary:
    """One PostgreSQL server in `folder`, on `address`:5432 and on the Unix socket in `socket` (beside its data; in
    `socket_folder` where that path would be too long for one). `segment_mebibytes`: the size of a WAL file."""

    supervisor: Supervisor
    postgres: Postgres
    folder: Path
    address: str
    uid: int | None
    name: str = "primary"
    socket_folder: Path | None = None
    segment_mebibytes: int = 16
    passwords: Mapping[str, str] = field(
        default_factory=lambda: {role: secrets.token_hex(12) for role in ("postgres", *_ROLES)}
    )

    def create(self) -> Child:
        """initdb, start, roles and schema. Raises RuntimeError with the server's log when it does not start."""
        self.folder.mkdir(parents=True, mode=0o700)
        secret = self.folder / "superuser"
        secret.write_text(self.passwords["postgres"])
        if self.uid is not None:
            for path in (self.folder, secret):
                os.chown(path, self.uid, self.uid)
        # fmt: off
        made = subprocess.run(
            [str(self.postgres.bin / "initdb"), "-D", str(self.data), "-U", "postgres", "--pwfile", str(secret),
             "-A", "scram-sha-256", "--no-locale", "-E", "UTF8",
             f"--wal-segsize={self.segment_mebibytes}", "--no-instructions", "--no-sync"],
            env=self._env(), preexec_fn=die_with_parent(self.uid), capture_output=True, text=True, timeout=60,
            check=False,
        )
        # fmt: on
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
        hba = _HBA.format(
            own=self.address,
            database=DATABASE,
            application=APPLICATION,
            guard=ROLE_GUARD,
            backup=ROLE_BACKUP,
            replication=ROLE_REPLICATION,
            promoter=ROLE_PROMOTER,
        )
        (self.data / "pg_hba.conf").write_text(hba)
        settings = {
            **_SETTINGS,
            **self._for_incrementals(),
            "listen_addresses": f"'{self.address}'",
            "port": str(POSTGRES_PORT),
        }
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = {value}\n" for key, value in settings.items())
        child = self.start()
        self._make_roles()
        return child

    def _for_incrementals(self) -> dict[str, str]:
        said = subprocess.check_output([self.postgres.bin / "postgres", "--version"], env=self._env(), text=True)
        return {"summarize_wal": "on"} if int(said.split()[2].split(".")[0]) >= OLDEST_MAJOR else {}

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        """Where a gate beside the server reaches it."""
        return self.socket_folder or self.folder / "socket"

    def start(self) -> Child:
        """Start the server on what is there (also after a crash) and wait until it accepts connections."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.socket.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None:
            os.chown(self.socket, self.uid, self.uid)
        argv = [str(self.postgres.bin / "postgres"), "-D", str(self.data), "-k", str(self.socket)]
        child = self.supervisor.start(self.name, argv, env=self._env(), uid=self.uid)
        wait_until(self.accepts, what="production's PostgreSQL", alive=[child])
        return child

    def connect(self, role: str = "postgres", database: str = DATABASE) -> psycopg.Connection:
        """A direct connection, past the gate, with autocommit. Raises psycopg.OperationalError when refused."""
        return psycopg.connect(
            host=self.address,
            port=POSTGRES_PORT,
            user=role,
            password=self.passwords[role],
            dbname=database,
            connect_timeout=3,
            autocommit=True,
        )

    def accepts(self) -> bool:
        """Whether it takes connections."""
        try:
            self.connect(database="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_roles(self) -> None:
        with self.connect(database="postgres") as connection:
            for role, attributes in _ROLES.items():
                # The generated password is hexadecimal, and CREATE ROLE takes no parameters.
                connection.execute(f"CREATE ROLE {role} LOGIN {attributes} PASSWORD '{self.passwords[role]}'".encode())
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}".encode())
        with self.connect() as connection:
            connection.execute(_SCHEMA.encode())
            for grant in _GRANTS:
                connection.execute(grant.encode())

    def _env(self) -> dict[str, str]:
        return {"PATH": f"{self.postgres.bin}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", **self.postgres.env()}
