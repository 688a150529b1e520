"""`dr lease init` and `dr lease show` as people type them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws, scrubbed_environment
from lab.machine.processes import HUNG_SECONDS
from recovery.lease.lease import Heartbeat
from tests.support.guard_process import FIRST_LEASE
from tests.support.plans import ROOT

Dr = Callable[..., tuple[int, str, str]]
LeaseAt = Callable[[str], DynamoLeaseStore]


@pytest.fixture
def dr(aws: Aws) -> Dr:
    """Runs `dr` at the operator's place: exit code, output, errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "scripts.dr", *arguments],
            cwd=ROOT,
            env={**scrubbed_environment(), **aws.env("operator"), "COLUMNS": "120", "PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=HUNG_SECONDS, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def test_init_gives_production_the_lease_once(dr: Dr, control_table: str) -> None:
    code, output, _ = dr("lease", "init", "--site", "prod", "--account", "123456789012", "--json")
    assert code == 0
    first = json.loads(output)
    assert (first["site"], first["epoch"], first["state"], first["lease_seconds"]) == ("prod", 1, "held", 30.0)
    code, _, errors = dr("lease", "init", "--site", "prod")
    assert code == 2
    assert f"there is a lease already: site prod, epoch 1, held by run {first['holder_run']}" in errors


def test_init_refuses_the_dr_site_and_foreign_credentials(dr: Dr, control_table: str) -> None:
    assert dr("lease", "init", "--site", "dr")[0] == 2
    code, _, errors = dr("lease", "init", "--site", "prod", "--account", "999999999999")
    assert code == 2 and "credentials are of account 123456789012" in errors
    assert dr("lease", "show")[0] == 2


def test_show_tells_who_holds_it_and_what_the_primary_was_last_seen_at(dr: Dr, lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    store.create(replace(FIRST_LEASE, fenced_epoch=0))
    seen = Heartbeat(
        at=datetime.now(UTC) - timedelta(seconds=90), lsn=0x16B374D848, commits_per_second=12.5, timeline=3
    )
    store.renew(FIRST_LEASE, boot_id="pod-1", heartbeat=seen)
    code, output, _ = dr("lease", "show", "--json")
    shown = json.loads(output)
    assert code == 0 and shown["heartbeat"]["lsn_text"] == "16/B374D848" and shown["boot_id"] == "pod-1"
    text = dr("lease", "show")[1]
    assert "16/B374D848, timeline 3" in text and "pod-1" in text and "12.5" in text


def test_production_s_system_identifier_is_shown_and_changed_only_by_naming_the_old_one(
    dr: Dr, lease_at: LeaseAt
) -> None:
    lease_at("prod").create(replace(FIRST_LEASE, system_identifier="71"))
    assert json.loads(dr("lease", "show", "--json")[1])["system_identifier"] == "71"
    code, _, errors = dr("lease", "system", "72")
    assert code == 2 and "you say it replaces none, the lease says 71" in errors
    code, _, errors = dr("lease", "system", "seventy", "--replaces", "71")
    assert code == 2 and "'seventy' is no system identifier" in errors
    code, output, _ = dr("lease", "system", "72", "--replaces", "71", "--json")
    assert code == 0 and json.loads(output)["system_identifier"] == "72"


def test_show_without_lease_without_table_and_without_network_says_what_to_do(
    dr: Dr, control_table: str, aws: Aws
) -> None:
    code, _, errors = dr("lease", "show")
    assert code == 2 and "dr lease init --site prod" in errors
    aws.reach.cut("operator", "*", service="dynamodb")
    code, _, errors = dr("lease", "show")
    assert code == 1 and "did not answer" in errors and "network path" in errors


def test_show_without_a_table_names_the_stack_that_makes_it(dr: Dr) -> None:
    code, _, errors = dr("lease", "show")
    assert code == 2 and "there is no control table" in errors and "foundation" in errors
