"""The stack files as the lab uses them: copies under the run's folder, with the lab's overlay and a shorter lease.

The repository stays clean: Pulumi writes into the copies only.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
STACKS = ("foundation", "prod", "dr")
# Set by whoever brings a stack up, never committed.
SECRETS = {
    "foundation": (),
    "prod": ("guardPassword", "backupPassword", "replicationPassword", "redisBackupPassword"),
    "dr": (
        "guardPassword",
        "replicationPassword",
        "applicationPassword",
        "backupPassword",
        "promoterPassword",
        "monitorPassword",
        "redisReplicationPassword",
        "redisCertificate",
        "redisApplicationPassword",
        "redisBackupPassword",
        "redisMonitorPassword",
        "redisPromoterPassword",
    ),
}
_LEASE = {"duration": "10s", "renewal": "2s", "margin": "2s"}


def write_project(folder: Path, overlay: Mapping[str, Mapping[str, Any]], *, lab_lease: bool = True) -> Path:
    """Copy program, plan and stack files into `folder`; `overlay` maps stack → {config key: value, or None for out}."""
    folder.mkdir(parents=True)
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, folder / name)
    plan = (ROOT / "recovery.yaml").read_text()
    (folder / "recovery.yaml").write_text(lab_plan(plan) if lab_lease else plan)
    for stack in STACKS:
        content = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
        config = {**content.get("config", {}), **overlay[stack]}
        content["config"] = {key: value for key, value in config.items() if value is not None}
        (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def with_backup_account(text: str) -> str:
    """The plan with the account for copies that it shows in a comment."""
    return _edited(text, r'^# (backup_account: "\d{12}")$', r"\1", "comment '# backup_account: …'")


def lab_plan(text: str) -> str:
    """The plan with the lab's lease of 10 s, so that a run shows a whole fence wait in 12 s instead of 32."""
    for key, value in _LEASE.items():
        text = _edited(text, rf"^(  {key}: )\d+s\b", rf"\g<1>{value}", f"line '  {key}: …' in lease")
    return text


def _edited(text: str, line: str, by: str, what: str) -> str:
    """The plan with one line edited. Raises ValueError when it is not there exactly once."""
    edited, count = re.subn(line, by, text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"recovery.yaml: expected one {what}, found {count}")
    return edited
