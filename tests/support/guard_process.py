"""Guards as processes, and an application that writes through their gates."""

import contextlib
import json
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from lab.aws.site import Aws, scrubbed_environment
from lab.machine.addresses import Block
from lab.machine.binaries import BinariesMissing, find
from lab.machine.processes import HUNG_SECONDS, Child, Supervisor, wait_until
from lab.ultramarket.primary import APPLICATION, DATABASE, Primary
from recovery.lease.lease import Lease
from tests.support.plans import ROOT

LEASE_SECONDS, MARGIN_SECONDS = 2.0, 0.5
ACCESS_KEY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
FIRST_LEASE = Lease(
    site="prod",
    epoch=1,
    state="held",
    lease_seconds=LEASE_SECONDS,
    margin_seconds=MARGIN_SECONDS,
    holder_run="init",
)


def haproxy_folder() -> Path:
    """Where the set-up put HAProxy, or found it."""
    try:
        return find().haproxy.parent
    except BinariesMissing:
        return Path("/usr/sbin")


@dataclass
class GuardProcess:
    """One `dr guard`. Its gate is `address`:5432."""

    child: Child
    address: str
    status_file: Path

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def status(self) -> dict[str, Any]:
        """What the guard wrote last; empty before its first round."""
        return json.loads(self.status_file.read_text()) if self.status_file.exists() else {}

    def log(self) -> str:
        return self.child.log.read_text()

    def wait_for(self, state: str) -> dict[str, Any]:
        """Wait for `open` or `closed`."""
        wait_until(lambda: self.status().get("state") == state, what=f"gate {state}", alive=[self.child])
        return self.status()

    def wait_for_log(self, text: str) -> None:
        wait_until(lambda: text in self.log(), what=f"the guard to say {text!r}", alive=[self.child])

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def refuses(self) -> bool:
        """Whether nothing listens at the gate."""
        with contextlib.suppress(OSError), socket.create_connection((self.address, 5432), timeout=1):
            return False
        return True


@dataclass
class Guards:
    """Starts guards of a test."""

    aws: Aws
    block: Block
    processes: Supervisor
    primary: Primary
    folder: Path
    started: list[GuardProcess] = field(default_factory=list)

    def plan(self) -> Path:
        """The repository's plan with a lease of seconds."""
        text = (ROOT / "recovery.yaml").read_text()
        for old, new in (
            ("duration: 30s", "duration: 3s"),
            ("renewal: 5s", "renewal: 1s"),
            ("margin: 2s", "margin: 1s"),
        ):
            assert old in text
            text = text.replace(old, new)
        path = self.folder / "recovery.yaml"
        path.write_text(text)
        return path

    def environment(self, place: str) -> dict[str, str]:
        """What a Pod of this place has."""
        return {
            **scrubbed_environment(),
            "PATH": f"{haproxy_folder()}:{os.environ['PATH']}",
            **self.aws.env(place),
            "DR_PLAN": str(self.plan()),
            "DR_ACCOUNT": "123456789012",
            "PGUSER": "dr_guard",
            "PGPASSWORD": self.primary.passwords["dr_guard"],
            "PGDATABASE": DATABASE,
        }

    def start(
        self,
        site: str = "prod",
        *,
        mode: str = "enforce",
        number: int = 1,
        under: tuple[str, ...] = (),
        credentials: dict[str, str] | None = None,
    ) -> GuardProcess:
        """A guard of `site` at the place of the same name; `number` tells several of one site apart; `under` is a
        command that starts it; `credentials` are variables that take the place of an access key."""
        pods = self.block.prod.pods if site == "prod" else self.block.dr.pods
        address = str(pods[number])
        name = f"guard-{site}-{len(self.started)}"
        status = self.folder / f"{name}.json"
        argv = [
            *(*under, sys.executable, "-m", "scripts.dr", "guard", "--site", site, "--listen", f"{address}:5432"),
            *("--upstream", f"{self.primary.socket}:5432", "--mode", mode, "--status-file", str(status)),
        ]
        env = self.environment(site)
        if credentials is not None:
            env = {key: value for key, value in env.items() if key not in ACCESS_KEY} | credentials
        child = self.processes.start(name, argv, env=env, cwd=ROOT)
        guard = GuardProcess(child, address, status)
        self.started.append(guard)
        return guard

    def application(self, guard: GuardProcess) -> psycopg.Connection:
        """The application's connection through a gate."""
        return psycopg.connect(
            host=guard.address,
            port=5432,
            user=APPLICATION,
            password=self.primary.passwords[APPLICATION],
            dbname=DATABASE,
            connect_timeout=3,
        )

    def writer(self, guard: GuardProcess) -> "Writer":
        """An application that writes without pause."""
        return Writer(self.application(guard))

    def application_sessions(self) -> int:
        """How many the primary has, asked directly."""
        with self.primary.connect() as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (APPLICATION,))
            return int(str((row.fetchone() or (0,))[0]))

    def end_all(self) -> None:
        """At once: nobody reads what an orderly end would write."""
        self.processes.kill(*(guard.child.name for guard in self.started))


class Writer:
    """Inserts orders one after another and remembers when the last was acknowledged (CLOCK_BOOTTIME)."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._connection.autocommit = True
        self.acknowledged = 0
        self.last_at = 0.0
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        wait_until(lambda: self.acknowledged > 5, what="the first orders")

    def _write(self) -> None:
        prefix = os.urandom(4).hex()
        with contextlib.suppress(psycopg.Error):
            while True:
                self._connection.execute("INSERT INTO orders VALUES (%s, 'w')", (f"{prefix}-{self.acknowledged}",))
                self.acknowledged += 1
                self.last_at = time.clock_gettime(time.CLOCK_BOOTTIME)

    def wait_until_cut(self, timeout: float = HUNG_SECONDS) -> float:
        """Wait for the connection to break; when the last order was acknowledged."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"the application still writes after {timeout:g} s")
        return self.last_at
