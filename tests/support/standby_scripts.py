"""The standby's two scripts run by a real bash, with stand-ins for PostgreSQL's programs and `dr`."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from recovery.site.postgres_standby import START_SCRIPT
from recovery.site.standby_fill import FILL_SCRIPT

_MAKE = """mkdir "$target" || exit 1
[ -z "${FAIL_COPY:-}" ] || exit 1
echo 18 > "$target/PG_VERSION"
printf '%s\\n' "${CONF:-}" > "$target/postgresql.conf"
[ -z "${KILL_COPY:-}" ] || kill -9 $PPID"""
STUBS = {
    "pg_isready": 'echo "isready $PGSSLMODE $*" >> "$LOG"; exit "${ISREADY:-0}"',
    "pg_receivewal": """echo "receivewal $*" >> "$LOG"
[ -z "${REFUSED:-}" ] || { echo "$REFUSED" >&2; exit 1; }""",
    "pg_basebackup": f"""echo "basebackup $*" >> "$LOG"
for word in "$@"; do case "$word" in --pgdata=*) target="${{word#--pgdata=}}" ;; esac; done
{_MAKE}""",
    "dr": f"""echo "dr $*${{PGHOST:+ of $PGHOST:$PGPORT}}" >> "$LOG"
[ "$1" != check ] || {{ echo "${{CHECK_SAYS:-}}"; exit "${{CHECK:-0}}"; }}
before=; for word in "$@"; do [ "$before" != --into ] || target=$word; before=$word; done
{_MAKE}
mkdir "$target.tablespaces" """,
    "pg_controldata": """printf '%s setting: %25s\\n' max_connections 300 max_worker_processes 16 max_wal_senders 12 \\
    max_prepared_xacts 5 max_locks_per_xact 128
printf 'Bytes per WAL segment: %20s\\n' "${WAL_SEGMENT:-16777216}" """,
    # The server's own rule: https://www.postgresql.org/docs/18/creating-cluster.html
    "postgres": """case "$(stat -c %a "$2")" in *700 | *750) ;; *) exit 1 ;; esac
printf "postgres" >> "$LOG"; printf " %s" "$@" >> "$LOG"; echo >> "$LOG\"""",
}


@dataclass
class Scripts:
    """A volume, and the scripts on it. `fill` and `start` run one once, until all that it began has ended, and return
    its exit code; `told` is what it wrote for people."""

    folder: Path
    told: str = ""

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.folder / "volume" / "data"

    @property
    def said(self) -> str:
        """What the last script has run, a line each."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    @property
    def run(self) -> list[str]:
        """The programs of `said`."""
        return [line.split()[0] for line in self.said.splitlines()]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "LOG": str(self.folder / "log"),
            "PGDATA": str(self.data),
            "PGUSER": "dr_replication",
            "PGPASSWORD": "hunter2",
            "PGSSLMODE": "verify-full",
            "PRIMARY_HOST": "primary.test",
            "PRIMARY_PORT": "5432",
            "PRIMARY_PATIENCE_SECONDS": "0",
            "STANDBY_CONFIG": "/config",
            "STANDBY_FOLLOWS": "production",
            "STANDBY_RUN": "/run/x",
            "STANDBY_SOCKET": "/socket",
            "STANDBY_SLOT": "dr_standby",
            "STANDBY_PORT": "5432",
            "STANDBY_SHARED_BUFFERS": "1024MB",
            "POD_IP": "10.0.0.9",
        }

    def fill(self, **environment: str) -> int:
        return self._bash(FILL_SCRIPT, (), environment)

    def start(self, *arguments: str, **environment: str) -> int:
        return self._bash(START_SCRIPT, arguments, environment)

    def _bash(self, text: str, arguments: tuple[str, ...], environment: dict[str, str]) -> int:
        script = self.folder / "script.sh"
        script.write_text(text)
        (self.folder / "log").unlink(missing_ok=True)
        environment = self.environment | environment
        # Through a pipe, so that what goes on in the background is waited for as well.
        done = subprocess.run(
            ["bash", str(script), *arguments], env=environment, capture_output=True, text=True, timeout=20, check=False
        )
        self.told = done.stdout + done.stderr
        return done.returncode


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """On an empty volume."""
    made = Scripts(tmp_path)
    (tmp_path / "bin").mkdir()
    made.data.parent.mkdir()
    for name, body in STUBS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return made
