"""A standby's volume and the start script run on it, with a primary whose own configuration cannot work there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from lab.machine.addresses import Block
from lab.machine.processes import Child, Supervisor, wait_until
from lab.ultramarket.primary import APPLICATION, DATABASE, Primary
from recovery.names import LOG_PORT, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.site.fetch_log import FETCH_SCRIPT
from recovery.site.postgres_standby import SLOT, START_SCRIPT, pg_hba
from tests.support.backup_site import Site

# What a primary's postgresql.conf may hold that cannot work in another machine's container: each of these lines alone
# refuses the start, ends the server, or stops the standby from following.
NOT_HERE = """
include_dir '/etc/postgresql/18/main/conf.d'
shared_preload_libraries = 'pg_stat_kcache'
ssl = on
ssl_cert_file = '/etc/ssl/certs/primary.pem'
ssl_key_file = '/etc/ssl/private/primary.key'
huge_pages = on
shared_buffers = '900GB'
max_stack_depth = '1GB'
lc_time = 'tlh_QO.UTF-8'
unix_socket_group = 'nobody-has-this-group'
restore_command = '/usr/bin/primary-only fetch %f %p'
recovery_target_time = '2020-01-01 00:00:00+00'
log_destination = 'csvlog'
logging_collector = on
log_directory = '/var/log/primary-only'
data_directory = '/mnt/primary-only'
hba_file = '/etc/postgresql/18/main/pg_hba.conf'
"""


class Volume:
    """A volume, and the script started on it as a container would."""

    def __init__(self, primary: Primary, processes: Supervisor, folder: Path, address: str) -> None:
        self.primary, self.processes, self.folder = primary, processes, folder
        self.server = replace(primary, supervisor=processes, folder=folder, address=address, name="standby")
        for path in (folder, folder / "config", folder / "run"):
            path.mkdir()
        hba = pg_hba(database=DATABASE, application=APPLICATION, pods=["127.0.0.0/8"])
        (folder / "config" / "pg_hba.conf").write_text(hba)
        (folder / "config" / "fetch-log.sh").write_text(FETCH_SCRIPT)
        (folder / "start.sh").write_text(START_SCRIPT)
        if primary.uid is not None:
            for path in (folder, folder / "run"):
                os.chown(path, primary.uid, primary.uid)

    def start(self, **variables: str) -> Child:
        """Run the script, with `variables` besides, and wait until the standby streams."""
        child = self.run(**variables)
        wait_until(self.streams, what="the standby to stream", alive=[child])
        return child

    def run(self, **variables: str) -> Child:
        """Run the script."""
        environment = {
            "PATH": f"{self.primary.postgres.bin}:/usr/bin:/bin",
            **self.primary.postgres.env(),
            "PGDATA": str(self.server.data),
            "PGUSER": ROLE_REPLICATION,
            "PGPASSWORD": self.primary.passwords[ROLE_REPLICATION],
            "PRIMARY_HOST": self.primary.address,
            "PRIMARY_PORT": "5432",
            "STANDBY_CONFIG": str(self.folder / "config"),
            "STANDBY_RUN": str(self.folder / "run"),
            "STANDBY_SOCKET": str(self.folder / "run"),
            "STANDBY_SLOT": SLOT,
            "STANDBY_PORT": "5432",
            "STANDBY_SHARED_BUFFERS": "32MB",
            "STANDBY_LOG_HOST": self.server.address,
            "STANDBY_LOG_PORT": str(LOG_PORT),
            "POD_IP": self.server.address,
            **variables,
        }
        command = ["bash", str(self.folder / "start.sh")]
        return self.processes.start("standby", command, env=environment, uid=self.primary.uid)

    def streams(self) -> bool:
        """Whether it follows its primary."""
        try:
            found = self.ask("SELECT status FROM pg_stat_wal_receiver")
        except psycopg.OperationalError:
            return False
        return found == "streaming"

    def ask(self, query: str) -> str:
        """One value, as the promoter reads it."""
        with self.server.connect(ROLE_PROMOTER) as connection:
            row = connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""


@contextmanager
def volume_for(site: Site, processes: Supervisor, database_folder: Path, block: Block) -> Iterator[Volume]:
    """An empty volume for the primary of `site`, whose postgresql.conf has everything that cannot work elsewhere."""
    primary, folder = site.primary, database_folder / f"volume-{os.urandom(4).hex()}"
    conf = primary.data / "postgresql.conf"
    before = conf.read_text()
    conf.write_text(before + NOT_HERE)  # read by nobody but pg_basebackup: the primary runs, and is not reloaded
    try:
        yield Volume(primary, processes, folder, block.host(36))
    finally:
        processes.kill("standby")
        conf.write_text(before)
        with primary.connect() as connection:
            wait_until(lambda: bool(_drop(connection)), what="the slot to be free")
        shutil.rmtree(folder, ignore_errors=True)


def _drop(connection: psycopg.Connection) -> bool:
    """Whether the slot is gone; while its sender ends it is still in use."""
    try:
        connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
    except psycopg.errors.ObjectInUse:
        return False
    row = connection.execute("SELECT count(*) FROM pg_replication_slots").fetchone()
    return bool(row and row[0] == 0)
