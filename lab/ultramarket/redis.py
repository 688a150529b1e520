"""Production's Redis as UltraMarket runs it: carts, one user a duty, no other way in. The lab makes it; Pulumi only
gets its address."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engines.redis.connection import Address, Reply, session
from lab.machine.processes import Child, Supervisor, wait_until
from recovery.errors import DrError
from recovery.names import REDIS_PORT, ROLE_BACKUP, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION

APPLICATION = "ultramarket_app"
ADMIN = "lab_admin"
_USERS = {
    APPLICATION: "~* &* +@all -@admin -@dangerous +info",
    ROLE_REPLICATION: "+ping +replconf +psync",
    ROLE_BACKUP: "+ping +info +config|get +replconf +psync",
    ADMIN: "~* &* +@all",
}
_SECONDS = 5.0


@dataclass
class ProductionRedis:
    """One server in `folder`, on `address`:6379. `passwords` also has those of users that the DR site alone knows."""

    supervisor: Supervisor
    program: Path
    folder: Path
    address: str
    uid: int | None
    name: str = "redis-primary"
    passwords: Mapping[str, str] = field(
        default_factory=lambda: {user: secrets.token_hex(12) for user in (*_USERS, ROLE_PROMOTER, ROLE_MONITOR)}
    )

    def start(self) -> Child:
        """Start it on what is there, also after a crash, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        users = [f"user {user} on #{_sha256(self.passwords[user])} {rights}" for user, rights in _USERS.items()]
        (self.folder / "users.acl").write_text("\n".join(["user default off", *users]) + "\n")
        lines = {
            "bind": self.address,
            "port": REDIS_PORT,
            "dir": self.folder,
            "aclfile": self.folder / "users.acl",
            "appendonly": "yes",
            "save": '""',
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": 0,
            "repl-ping-replica-period": 1,
        }
        file = self.folder / "redis.conf"
        file.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        if self.uid is not None:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self.uid, self.uid)
        child = self.supervisor.start(self.name, [str(self.program), str(file)], env={"LC_ALL": "C"}, uid=self.uid)
        wait_until(self.answers, what="production's Redis", alive=[child])
        return child

    def ask(self, *words: str, user: str = ADMIN) -> Reply:
        """A command's reply. Raises Unreachable, Refused."""
        return ask(self.address, self.passwords, *words, user=user)

    def answers(self) -> bool:
        """Whether it takes commands."""
        try:
            return "loading:0" in str(self.ask("INFO", "persistence"))
        except (DrError, OSError):
            return False


def ask(address: str, passwords: Mapping[str, str], *words: str, user: str = ADMIN) -> Reply:
    """A command's reply by the server at an address. Raises Unreachable, Refused."""
    where = Address(host=address, port=REDIS_PORT, user=user, password=passwords[user])
    with session(where, seconds=_SECONDS) as connection:
        return connection.command(*words)


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
