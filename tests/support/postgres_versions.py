"""The oldest PostgreSQL that a test can run on: the machine's own, or the one that `make setup` unpacked."""

import json
import os
import shutil
from pathlib import Path

import pytest

from lab.machine.binaries import Postgres
from tests.support.plans import ROOT
from tools.setup import postgres


def oldest_postgres(target: Path) -> Postgres:
    """Its programs, where every user can read them: `target` holds a copy if need be. Skips where there are none."""
    record = ROOT / ".venv" / "set-up.json"
    kept = json.loads(record.read_text()).get("postgres") if record.exists() else None
    found = Path(kept) if kept and Path(kept).exists() else postgres.on_this_machine()
    if found is None:
        pytest.skip("no PostgreSQL older than the wheel's: neither installed nor in Debian's package lists")
    if postgres.KEPT in found.parts and os.getuid() == 0:  # the cache may lie where no other user gets to
        shutil.copytree(found.parent, target, symlinks=True, dirs_exist_ok=True)
        found = target / found.name
    return Postgres(bin=found, lib=found.parent / "lib")
