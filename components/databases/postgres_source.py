"""How PostgreSQL's backups reach the server that they are made of."""

from collections.abc import Mapping

import pulumi

from components.cluster.backup_source import BackupSource, Login
from components.databases.primary_tls import PrimaryTls
from recovery.names import ACCEPTED_INCREMENTALS, READ_REPLICA, ROLE_BACKUP

_LOGIN = "dr-backup-login"


def postgres_source(
    *,
    host: str,
    port: int,
    database: str,
    password: pulumi.Input[str],
    tls: PrimaryTls | None = None,
    replica: str = "",
    accept_incrementals_of: str = "",
) -> BackupSource:
    """`host` is the database of this site, `tls` how it is reached where it offers TLS; `replica`: its replica as
    host:port, if there is one to be read instead; `accept_incrementals_of`: an override of `recovery.copies.chain`."""
    environment: Mapping[str, pulumi.Input[str]] = {
        "PGHOST": host,
        "PGPORT": str(port),
        "PGDATABASE": database,
        "PGUSER": ROLE_BACKUP,
        **({READ_REPLICA: replica} if replica else {}),
        **({ACCEPTED_INCREMENTALS: accept_incrementals_of} if accept_incrementals_of else {}),
        **(tls.environment if tls else {}),
    }
    return BackupSource(
        dataset="postgres",
        environment=environment,
        login=Login(name=_LOGIN, variable="PGPASSWORD", password=password),
        mounts=tls.mounts if tls else (),
        volumes=tls.volumes if tls else (),
    )
