"""MongoDB's stand-in: SecantusDB, a server that speaks MongoDB's protocol and calls itself a replica set of one member.

No real mongod is in any package registry. What the stand-in cannot show stands in docs/lab-fidelity.md.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.machine.processes import HUNG_SECONDS, Supervisor, wait_until

if TYPE_CHECKING:
    from pymongo import MongoClient

    Client = MongoClient[dict[str, Any]]

PORT = 27017


@dataclass(frozen=True)
class MongoServer:
    """One server, at an address of its own; `name` is unique among its supervisor's processes. `login`: user and
    password with which it is asked, where it wants one (`--auth`)."""

    supervisor: Supervisor
    folder: Path
    address: str
    name: str
    port: int = PORT
    login: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        """As MONGO_URL has it."""
        return f"mongodb://{self.address}:{self.port}/"

    @property
    def environment(self) -> dict[str, str]:
        """By which it is found."""
        return {"MONGO_URL": self.url, **self.login}

    def start(self, *options: str, authority: Path | None = None) -> "MongoServer":
        """Start it on its folder, which keeps its data; returns when it answers. `authority`: whose certificate it has,
        where the options make it speak TLS."""
        self.folder.mkdir(parents=True, exist_ok=True)
        child = self.supervisor.start(self.name, self._command(options), env={"LC_ALL": "C"}, cwd=self.folder)
        wait_until(lambda: not child.alive() or self._answers(authority), what=f"{self.name} to answer")
        assert child.alive(), child.tail()
        return self

    def stop(self) -> None:
        """At once; what it has acknowledged is on its disk."""
        self.supervisor.kill(self.name)

    @contextmanager
    def client(self, **options: Any) -> Iterator["Client"]:
        """Logged in where it wants that."""
        from pymongo import MongoClient

        known: dict[str, Any] = {"serverSelectionTimeoutMS": int(HUNG_SECONDS * 1000)}
        if self.login:
            known |= {"username": self.login["MONGO_USER"], "password": self.login["MONGO_PASSWORD"]}
        client: Client = MongoClient(self.url, **(known | options))
        try:
            yield client
        finally:
            client.close()

    def _command(self, options: Sequence[str]) -> list[str]:
        place = ["--host", self.address, "--port", str(self.port), "--storage-path", str(self.folder / "data")]
        return [sys.executable, "-m", "secantus", *place, "--log-level", "WARNING", *options]

    def _answers(self, authority: Path | None) -> bool:
        from pymongo.errors import PyMongoError

        options = {"tls": True, "tlsCAFile": str(authority)} if authority else {}
        try:
            with self.client(serverSelectionTimeoutMS=1000, username=None, password=None, **options) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True
