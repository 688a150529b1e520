"""The committed plan with edits, for tests."""

from pathlib import Path

from recovery.plan.loading import parse_plan
from recovery.plan.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "recovery.yaml").read_text()
SNAPSHOT = '"*/5 * * * *"\n      start_deadline: 2m\n      time_limit: 3m'
SEED_LOG = ("every: 1s\n      to: cloud", "every: 5m\n      to: local")
"""The original document's figures for PostgreSQL: a log piece every 300 s, which S3 then replicates."""


def with_account(account: str) -> tuple[str, str]:
    """The edit that names an account for the DR region's copies."""
    return "\nsites:", f'\nbackup_account: "{account}"\nsites:'


def edited(*edits: tuple[str, str]) -> str:
    """The plan's text; each edit replaces the first occurrence, which must be there."""
    text = TEXT
    for old, new in edits:
        assert old in text, f"{old!r} is not in recovery.yaml"
        text = text.replace(old, new, 1)
    return text


def plan(*edits: tuple[str, str]) -> Plan:
    """The plan with edits."""
    return parse_plan(edited(*edits))
