"""A PostgreSQL server that replays WAL up to a point and ends: nobody connects to it, and nothing of the copied
configuration is read, so it archives nothing, streams from nobody and opens no slot."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engines.postgres import control_file
from engines.postgres.tools import child_environment, find_tool, redact
from recovery.copies.log import parse_history
from recovery.errors import Failed
from recovery.lease.lease import format_lsn
from recovery.site.inherited_settings import ALONE

_POLL_SECONDS = 0.05
_WORDS = re.compile(r"(?:FATAL|PANIC|ERROR):\s+(.*)")
NOT_REACHED = "recovery ended before configured recovery target was reached"

# What a server that only replays needs to be told, whatever it was copied from.
_SETTINGS = {
    **ALONE,
    "listen_addresses": "",
    "autovacuum": "off",
    "hot_standby": "off",
    "recovery_target_action": "promote",
    # Its folder counts only when everything has been written to the disk at the end, by one call.
    "fsync": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
}


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where replay ends: at once when the backup is consistent (`immediate`), before the first record at or beyond
    `position`, or where the log of `timeline` ends (neither)."""

    timeline: int
    position: int | None = None
    immediate: bool = False

    def settings(self) -> dict[str, str]:
        """As PostgreSQL's. https://www.postgresql.org/docs/18/runtime-config-wal.html#RUNTIME-CONFIG-WAL-RECOVERY-TARGET"""
        found = {"recovery_target_timeline": str(self.timeline)}
        if self.immediate:
            return found | {"recovery_target": "immediate"}
        if self.position is not None:
            return found | {"recovery_target_lsn": format_lsn(self.position), "recovery_target_inclusive": "off"}
        return found


class TargetNotReached(Failed):
    """The log ended before the position that was asked for."""


def replay(
    data: Path,
    stop: Stop,
    *,
    restore_command: str,
    environment: Mapping[str, str],
    owner: int | None,
    failure: Callable[[], Exception | None] = lambda: None,
) -> int:
    """Start a server on the unpacked `data`, let it replay up to `stop`, end it in order; returns the position reached.

    `failure` is asked why when the server gives up. Raises what it answers, TargetNotReached, or Failed with the
    server's own words.
    """
    (data / "recovery.signal").touch(mode=0o600)
    if owner is not None:
        os.chown(data / "recovery.signal", owner, owner)
    with tempfile.TemporaryDirectory(prefix="dr-replay-") as folder:
        private = Path(folder)
        for name, content in {
            "postgresql.conf": "",
            "pg_ident.conf": "",
            "pg_hba.conf": "local all all reject\n",
        }.items():
            (private / name).write_text(content)
        if owner is not None:
            os.chown(private, owner, owner)
            for path in private.iterdir():
                os.chown(path, owner, owner)
        with tempfile.TemporaryFile() as log:
            server = subprocess.Popen(
                _arguments(data, private, stop, restore_command, environment),
                env=child_environment(environment),
                cwd=data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=owner,
                group=owner,
                extra_groups=None if owner is None else [],
            )
            try:
                _until_ready(server, data)
                server.send_signal(signal.SIGINT)  # a fast, orderly end
                code = server.wait()
            finally:
                if server.poll() is None:
                    server.send_signal(signal.SIGQUIT)
                    server.wait()
            log.seek(0)
            said = redact(log.read().decode(errors="replace"), environment)
    if code or (data / "recovery.signal").exists():
        raise failure() or _gave_up(said)
    state = control_file.read(data, environment).state
    if state != "shut down":
        raise Failed(f"the restored server ended {state}\n{_tail(said)}", next_step="run the restore again")
    return _reached(data)


def _arguments(
    data: Path, private: Path, stop: Stop, restore_command: str, environment: Mapping[str, str]
) -> list[str]:
    control = control_file.read(data, environment)
    settings = {
        **_SETTINGS,
        "config_file": str(private / "postgresql.conf"),
        "hba_file": str(private / "pg_hba.conf"),
        "ident_file": str(private / "pg_ident.conf"),
        "unix_socket_directories": ".",  # the data's folder: it listens somewhere, and a socket's path must be short
        "restore_command": restore_command,
        **control.limits,
        **stop.settings(),
    }
    words = [f"--{name}={value}" for name, value in settings.items()]
    return [find_tool("postgres", environment), "-D", str(data), *words]


def _until_ready(server: "subprocess.Popen[bytes]", data: Path) -> None:
    """Until the server is a primary, or has ended. postmaster.pid's eighth line says what it is."""
    while server.poll() is None:
        with suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                return
        with suppress(subprocess.TimeoutExpired):
            server.wait(_POLL_SECONDS)


def _reached(data: Path) -> int:
    """Where the newest timeline begins, which the server made when its replay ended."""
    newest = max((data / "pg_wal").glob("????????.history"), key=lambda path: path.name)
    return parse_history(newest.read_text())[-1].position


def _gave_up(said: str) -> Failed:
    words = _WORDS.findall(said)
    if any(NOT_REACHED in each for each in words):
        return TargetNotReached("the log ends before the position that was asked for")
    return Failed(
        f"PostgreSQL could not recover the copy: {words[-1] if words else 'it ended'}\n{_tail(said)}",
        next_step="restore from another backup (`dr backups`); the target was not touched",
    )


def _tail(said: str) -> str:
    return "\n".join(f"  {line}" for line in said.strip().splitlines()[-8:])
