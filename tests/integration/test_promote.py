"""`dr promote` as an operator runs it, on a real standby, AWS's stand-in, DNS and HTTP."""

import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from cloud.control_table import ControlTable
from cloud.run_store import DynamoRunStore
from engines.postgres.standby import PostgresGate, PostgresStandby
from lab.machine.processes import HUNG_SECONDS, wait_until
from lab.ultramarket.primary import DATABASE
from operations.failover.run_lock import Claim
from recovery.errors import Failed, Unreachable
from tests.support.promotion_site import DrSite, wait_for_log
from tests.support.promotion_site import dr_site as dr_site  # a fixture


@pytest.fixture
def login(dr_site: DrSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The promoter's, for code that runs in this process."""
    monkeypatch.setenv("PGUSER", "dr_promoter")
    monkeypatch.setenv("PGPASSWORD", dr_site.primary.passwords["dr_promoter"])


def test_dry_run_changes_nothing_and_execute_moves_the_business(dr_site: DrSite) -> None:
    dr_site.lose_production()
    dry = dr_site.promote("--json")
    assert dry.returncode == 0, dry.stderr
    told = json.loads(dry.stdout)
    assert told["may_go"]
    assert told["forecast"]["bytes_missing"] == 0
    assert next(term["seconds"] for term in told["forecast"]["terms"] if term["name"] == "preflight") > 0
    assert dr_site.in_recovery()
    assert dr_site.scaled == []
    assert not dr_site.marker()

    begun = time.monotonic()
    done = dr_site.promote("--execute", "--json")
    took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["epoch_before"], result["epoch_after"]) == (1, 2)
    assert 4.0 <= result["fence_wait_seconds"] < 5.0
    assert len(result["resolvers"]) == 2
    assert not dr_site.in_recovery()
    assert dr_site.marker()
    assert set(dr_site.replicas.values()) == {3}
    lease = dr_site.leases.read()
    assert lease is not None
    assert (lease.site, lease.epoch, lease.state) == ("dr", 2, "held")
    assert not any("route53" in str(attempt) for attempt in dr_site.aws.reach.attempts())
    print(f"took {took:.2f} s: {result['steps']}")  # noqa: T201

    again = dr_site.promote("--execute")
    assert again.returncode == 0
    assert "active already" in again.stderr


def test_a_second_operator_is_refused_naming_the_holder(
    dr_site: DrSite, table_at: Callable[[str], ControlTable]
) -> None:
    dr_site.lose_production()
    first = Claim(DynamoRunStore(table_at("operator")), "first-run")
    first.take(None)
    try:
        second = dr_site.promote("--execute")
    finally:
        first.release()
    assert second.returncode == 2, second.stdout + second.stderr
    assert f"another promotion is going on: run first-run by {first.claim.holder}" in second.stderr
    assert dr_site.scaled == []


def test_a_killed_promotion_resumes_the_same_run(dr_site: DrSite) -> None:
    dr_site.lose_production()
    first = dr_site.start_promote("first", "--execute")
    wait_for_log(first, "lease     done")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    lease = dr_site.leases.read()
    assert lease is not None
    rerun = dr_site.promote("--execute", "--json")
    assert rerun.returncode == 0, rerun.stderr
    result = json.loads(rerun.stdout)
    assert result["run"] == lease.holder_run
    assert result["resumed"]
    assert result["epoch_after"] == 2
    assert result["fence_wait_seconds"] >= 4.0
    assert not dr_site.in_recovery()
    assert dr_site.marker()


def test_sigterm_ends_with_1_and_says_how_to_resume(dr_site: DrSite) -> None:
    dr_site.lose_production()
    run = dr_site.start_promote("run", "--execute")
    wait_for_log(run, "lease     done")
    run.process.terminate()
    assert run.process.wait(HUNG_SECONDS) == 1
    assert "interrupted by SIGTERM" in run.log.read_text()
    assert "it resumes" in run.log.read_text()
    assert dr_site.in_recovery()


def test_promotion_refuses_while_production_lives_and_names_every_view(dr_site: DrSite) -> None:
    dr_site.start_production_edge()
    with dr_site.primary.connect() as connection:
        connection.execute("INSERT INTO orders VALUES ('one', 'c')")
    refused = dr_site.promote("--execute")
    assert refused.returncode == 2
    assert "production still takes orders" in refused.stderr
    assert "still receives its WAL" in refused.stderr
    assert "--production-is-lost" in refused.stderr
    lease = dr_site.leases.read()
    assert lease is not None
    assert lease.site == "prod"


def test_wrong_account_cluster_and_bundle_end_before_any_effect(dr_site: DrSite) -> None:
    dr_site.lose_production()
    dr_site.write_bundle(account="999999999999", control_table="none")
    refused = dr_site.promote("--execute")
    assert refused.returncode == 2, refused.stderr
    assert "account 123456789012, the bundle is about 999999999999" in refused.stderr
    path = dr_site.write_bundle()
    path.write_text(path.read_text().replace("ultramarket-dr-control", "another-table"))
    altered = dr_site.promote("--execute")
    assert altered.returncode == 2
    assert "altered" in altered.stderr
    dr_site.write_bundle()
    kubeconfig = dr_site.folder / "kubeconfig"
    kubeconfig.write_text(kubeconfig.read_text().replace("6999", "7000"))
    other = dr_site.promote("--execute")
    assert other.returncode == 2
    assert "aws eks update-kubeconfig" in other.stderr
    assert not (dr_site.folder / "journal").exists()


@pytest.mark.usefixtures("login")
def test_the_real_standby_tells_its_state_and_is_promoted_once(dr_site: DrSite) -> None:
    standby = PostgresStandby(f"{dr_site.standby.address}:5432", DATABASE)
    gate = PostgresGate(f"{dr_site.standby.address}:5432", DATABASE)
    wait_until(lambda: standby.state().streaming, what="streaming")
    with dr_site.standby.connect() as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    wait_until(lambda: standby.state().replay_paused, what="paused replay")
    before = standby.state()
    assert before.in_recovery
    assert before.client_connection_check
    assert before.receive_lsn >= before.replay_lsn > 0
    with pytest.raises(Failed, match="read-only"):
        gate.announce(2, "run")
    standby.resume_replay()
    begun = time.monotonic()
    standby.promote()
    standby.promote()
    wait_until(lambda: not standby.state().in_recovery, what="promotion", interval=0.002)
    gate.announce(2, "run")
    print(f"promote → write {(time.monotonic() - begun) * 1000:.0f} ms")  # noqa: T201
    after = standby.state()
    assert after.system_identifier == before.system_identifier
    standby.resume_replay()
    standby.close()
    dr_site.processes.stop("standby")
    with pytest.raises(Unreachable):
        standby.state()
