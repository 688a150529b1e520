"""A standby's volume and the scripts run on it, with a primary whose own configuration cannot work there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Child, Supervisor, wait_until
from lab.ultramarket.primary import APPLICATION, DATABASE, Primary
from recovery.names import LOG_PORT, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.site.fetch_log import FETCH_SCRIPT
from recovery.site.postgres_standby import SLOT, START_SCRIPT, pg_hba, settings_arguments
from recovery.site.standby_fill import FILL_SCRIPT
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


@dataclass(frozen=True, kw_only=True)
class Standby:
    """Which of those that follow: its slot, whom it lets in, settings of its own, and who may ask it."""

    slot: str
    hba: str
    asker: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


AT_DR = Standby(
    slot=SLOT, hba=pg_hba(database=DATABASE, application=APPLICATION, pods=["127.0.0.0/8"]), asker=ROLE_PROMOTER
)


class Volume:
    """A volume, and the scripts run on it as containers would, one after the other."""

    def __init__(
        self, primary: Primary, processes: Supervisor, folder: Path, address: str, standby: Standby = AT_DR
    ) -> None:
        self.primary, self.processes, self.folder, self.standby = primary, processes, folder, standby
        self.server = replace(primary, supervisor=processes, folder=folder, address=address, name="standby")
        self.server.data.parent.mkdir(parents=True)
        for path in (folder / "config", folder / "run"):
            path.mkdir()
        (folder / "config" / "pg_hba.conf").write_text(standby.hba)
        (folder / "config" / "fetch-log.sh").write_text(FETCH_SCRIPT)
        (folder / "fill.sh").write_text(FILL_SCRIPT)
        (folder / "start.sh").write_text(START_SCRIPT)
        self._hand_over()

    def start(self, **variables: str) -> Child:
        """Run the scripts, with `variables` besides, and wait until the standby streams."""
        child = self.run(**variables)
        wait_until(self.streams, what="the standby to stream", alive=[child])
        return child

    def run(self, **variables: str) -> Child:
        """Run the scripts: fill the volume when it is empty, then start."""
        filled = self.fill(**variables)
        assert filled.returncode == 0, filled.stderr
        command = ["bash", str(self.folder / "start.sh"), *settings_arguments(self.standby.settings)]
        environment = self.environment(variables)
        return self.processes.start("standby", command, env=environment, uid=self.primary.uid)

    def fill(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the first script, with `dr` of this checkout at hand."""
        done = subprocess.run(
            ["bash", str(self.folder / "fill.sh")],
            env=self.environment(variables),
            capture_output=True,
            text=True,
            timeout=HUNG_SECONDS,
            check=False,
        )
        self._hand_over()
        return done

    def _hand_over(self) -> None:
        """To the database's user, as whom both scripts run in a cluster; here it may not reach our own Python."""
        if self.primary.uid is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.primary.uid, self.primary.uid, follow_symlinks=False)

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Of both scripts."""
        return {
            "PATH": f"{self.primary.postgres.bin}:{Path(sys.executable).parent}:/usr/bin:/bin",
            **self.primary.postgres.env(),
            "PGDATA": str(self.server.data),
            "PGUSER": ROLE_REPLICATION,
            "PGPASSWORD": self.primary.passwords[ROLE_REPLICATION],
            "PRIMARY_HOST": self.primary.address,
            "PRIMARY_PORT": "5432",
            "PRIMARY_PATIENCE_SECONDS": "0",
            "STANDBY_FOLLOWS": "production",
            "STANDBY_CONFIG": str(self.folder / "config"),
            "STANDBY_RUN": str(self.folder / "run"),
            "STANDBY_SOCKET": str(self.folder / "run"),
            "STANDBY_SLOT": self.standby.slot,
            "STANDBY_PORT": "5432",
            "STANDBY_SHARED_BUFFERS": "32MB",
            "STANDBY_LOG_HOST": self.server.address,
            "STANDBY_LOG_PORT": str(LOG_PORT),
            "POD_IP": self.server.address,
            **variables,
        }

    def streams(self) -> bool:
        """Whether it follows its primary."""
        try:
            found = self.ask("SELECT status FROM pg_stat_wal_receiver")
        except psycopg.OperationalError:
            return False
        return found == "streaming"

    def ask(self, query: str) -> str:
        """One value, as whoever may ask reads it."""
        with self.server.connect(self.standby.asker) as connection:
            row = connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""


@contextmanager
def volume_for(
    site: Site,
    processes: Supervisor,
    database_folder: Path,
    block: Block,
    standby: Standby = AT_DR,
    *,
    inherits: str = NOT_HERE,
) -> Iterator[Volume]:
    """An empty volume for the primary of `site`, whose postgresql.conf has everything that cannot work elsewhere: what
    the volume `inherits`."""
    primary, folder = site.primary, database_folder / f"volume-{os.urandom(4).hex()}"
    conf = primary.data / "postgresql.conf"
    before = conf.read_text()
    conf.write_text(before + inherits)  # read by nobody but pg_basebackup: the primary runs, and is not reloaded
    try:
        yield Volume(primary, processes, folder, block.host(36), standby)
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
