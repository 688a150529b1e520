"""What a shipper's process is told, and how little it loads for it."""

import json
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from engines.registry import log_of
from engines.shipping import Heard
from operations.copies.shipping_task import Task
from recovery.names import Names
from recovery.plan.loading import load_plan
from tests.support.command_line import environment
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")
# Each of them is larger than what the shipper itself keeps in memory.
NOT_LOADED = ("typer", "rich", "pydantic", "yaml", "recovery.plan.plan", "engines.registry", "engines.files", "stamina")


def task() -> Task:
    context: Any = SimpleNamespace(plan=PLAN, site="dr", region="us-west-2", names=Names(PLAN, "123456789012"))
    return Task.of(context, log_of("postgres"))


def test_it_is_told_all_that_the_plan_says_in_one_line() -> None:
    made = task()
    assert "\n" not in made.to_json() and Task.from_json(made.to_json()) == made
    assert (made.bucket, made.region, made.lock_mode) == (
        "ultramarket-backups-123456789012-us-west-2",
        "us-west-2",
        "GOVERNANCE",
    )
    assert made.replicas == ["us-west-2", "us-east-1"] and made.table == "ultramarket-dr-control"
    log = PLAN.datasets.postgres.log
    assert log and (made.every_seconds, made.renewal_seconds) == (
        log.every.total_seconds(),
        PLAN.lease.renewal.total_seconds(),
    )
    assert timedelta(seconds=made.lock_seconds) > timedelta(days=1)


def test_its_process_loads_neither_plan_nor_command_line() -> None:
    code = (
        "import json, sys; sys.argv = ['shipper.py']; import scripts.shipper, scripts.outermost, scripts.told\n"
        "from engines.shipping import Heard; from operations.copies.shipping_task import Task\n"
        f"Task.from_json({task().to_json()!r}).shipper(Heard())\n"
        "print(json.dumps([*sys.modules]))"
    )
    variables = environment(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, timeout=60, check=True
    )
    loaded = json.loads(done.stdout)
    assert "engines.postgres.wal_session" in loaded, "it is the shipper"
    assert [name for name in loaded if name.startswith(NOT_LOADED)] == []


def test_its_shipper_is_of_the_site_and_ends_when_it_is_told_to() -> None:
    shipper = task().shipper(Heard())
    shipper.end()
    shipper.run()
