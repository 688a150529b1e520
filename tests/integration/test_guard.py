"""The guard with real parts: HAProxy as gate, PostgreSQL as primary, the kernel's timer, the control table."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from cloud.control_table import ControlTable
from cloud.guard_reports import DynamoGuardReports
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS, wait_until
from lab.ultramarket.primary import Primary
from recovery.lease.guard_report import GuardReport
from recovery.lease.lease import Lease
from tests.support.guard_process import FIRST_LEASE, LEASE_SECONDS, MARGIN_SECONDS, GuardProcess, Guards
from tests.support.identity_agent import CREDENTIALS, Place

LeaseAt = Callable[[str], DynamoLeaseStore]
# From the timer to the gate's death two processes must get a CPU: what the margin is for. Usually milliseconds; 0.2 s
# was measured on two cores with twelve processes waiting for them.
SLACK = MARGIN_SECONDS


def process_gone(number: int) -> bool:
    """Whether a process has ended, all its threads too; one that nobody has collected yet counts as ended."""
    process = Path(f"/proc/{number}")
    try:
        ended = (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        return ended and len(list((process / "task").iterdir())) == 1  # the first thread may end before the others
    except (FileNotFoundError, ProcessLookupError):
        return True


def take_over(store: DynamoLeaseStore, run: str = "run-1") -> Lease:
    """What a promotion does; returns the lease it wrote."""
    seen = store.read()
    assert seen is not None
    taken = seen.successor("dr", run, lease=timedelta(seconds=LEASE_SECONDS), margin=timedelta(seconds=0.5))
    store.take(seen, taken)
    return taken


@pytest.fixture
def store(lease_at: LeaseAt, request: pytest.FixtureRequest) -> DynamoLeaseStore:
    """The lease as the operator sees it, held by production; `FIRST_LEASE` unless the test's parameter is another."""
    store = lease_at("operator")
    store.create(getattr(request, "param", FIRST_LEASE))
    return store


def open_guard(guards: Guards) -> tuple[GuardProcess, int]:
    """A guard with its gate open, and HAProxy's process id."""
    guard = guards.start()
    return guard, guard.wait_for("open")["haproxy"]


def test_the_gate_opens_under_the_lease_and_the_heartbeat_tells_the_primarys_position(
    guards: Guards, store: DynamoLeaseStore, postgres: Primary
) -> None:
    guard, _ = open_guard(guards)
    writer = guards.writer(guard)
    position = _position(postgres)

    def heartbeat_has_passed() -> bool:
        lease = store.read()
        beat = lease.heartbeat if lease else None
        return beat is not None and beat.lsn > position and beat.commits_per_second > 1

    wait_until(heartbeat_has_passed, what="a heartbeat beyond the first orders")
    lease = store.read()
    assert lease is not None and lease.heartbeat is not None
    assert (lease.site, lease.epoch, lease.heartbeat.timeline) == ("prod", 1, 1)
    # Nobody configured it: the guard asked its primary, and the first to know it recorded it.
    assert re.fullmatch(r"\d{19}", lease.system_identifier)
    assert lease.heartbeat.system_identifier == lease.system_identifier
    assert lease.renewals > 1 and lease.boot_id == guard.status()["boot_id"]
    assert writer.acknowledged


def _position(postgres: Primary) -> int:
    with postgres.connect() as connection:
        row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()
    return int(str((row or (0,))[0]))


def test_fault_62_a_guard_that_crashed_and_restarts_without_the_lease_stays_closed(
    guards: Guards, store: DynamoLeaseStore
) -> None:
    crashed, haproxy = open_guard(guards)
    crashed.signal(signal.SIGKILL)
    wait_until(lambda: process_gone(haproxy), timeout=2, what="the gate to die with its guard")
    assert crashed.refuses()
    take_over(store)
    guard = guards.start()
    guard.wait_for_log("the lease is dr's since epoch 2")
    assert guard.wait_for("closed") and guard.refuses()


def test_fault_62_no_lease_at_all_keeps_the_gate_closed_and_says_what_to_do(guards: Guards, lease_at: LeaseAt) -> None:
    guard = guards.start()
    guard.wait_for_log("run `dr lease init --site prod` once")
    assert guard.refuses()
    lease_at("operator").create(FIRST_LEASE)
    guard.wait_for("open")


def test_fault_63_a_stopped_guard_closes_the_gate_by_the_deadline(guards: Guards, store: DynamoLeaseStore) -> None:
    guard, haproxy = open_guard(guards)
    writer = guards.writer(guard)
    guard.signal(signal.SIGSTOP)
    stopped = time.clock_gettime(time.CLOCK_BOOTTIME)
    until = guard.status()["until"]
    last = writer.wait_until_cut()
    assert last <= until + SLACK, "an order was acknowledged after the deadline"
    assert last - stopped <= LEASE_SECONDS + SLACK
    wait_until(lambda: guard.child.process.poll() == -signal.SIGKILL, timeout=2, what="the timer to kill the guard")
    wait_until(lambda: process_gone(haproxy), timeout=2, what="the gate to be gone")
    assert guard.refuses()


def children(number: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


@pytest.mark.skipif(
    subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode != 0,
    reason="needs the right to make a PID namespace",
)
def test_fault_63_the_deadline_holds_where_the_guard_is_a_containers_first_process(
    guards: Guards, store: DynamoLeaseStore
) -> None:
    container = guards.start(under=("unshare", "--pid", "--fork", "--kill-child"))
    container.wait_for("open")
    (init,) = children(container.pid)
    (guard,) = children(init)  # were the guard process 1 itself, the kernel would drop its timer's SIGKILL
    writer = guards.writer(container)
    os.kill(guard, signal.SIGSTOP)
    stopped = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert writer.wait_until_cut() - stopped <= LEASE_SECONDS + SLACK
    assert container.child.process.wait(5) == 128 + signal.SIGKILL, "the container must end, to be started again"


def test_fault_63_a_killed_guard_takes_the_gate_along_at_once(guards: Guards, store: DynamoLeaseStore) -> None:
    guard, haproxy = open_guard(guards)
    writer = guards.writer(guard)
    guard.signal(signal.SIGKILL)
    killed = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert writer.wait_until_cut() - killed < 0.5
    wait_until(lambda: process_gone(haproxy), timeout=2, what="the gate to be gone")


@pytest.mark.parametrize("how", ["refused", "blackhole"])
def test_fault_63_a_guard_cut_off_from_both_regions_closes_in_order_before_the_deadline(
    guards: Guards, store: DynamoLeaseStore, aws: Aws, how: str
) -> None:
    guard, haproxy = open_guard(guards)
    writer = guards.writer(guard)
    aws.reach.cut("prod", "*", how=how, service="dynamodb")  # type: ignore[arg-type]
    cut = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert writer.wait_until_cut() - cut <= LEASE_SECONDS
    wait_until(lambda: process_gone(haproxy), timeout=2, what="the gate to be gone")
    guard.wait_for_log("the application has no session at the primary")
    assert guard.child.alive(), "the timer killed a guard that could have closed in order"
    aws.reach.restore_all()
    guard.wait_for("open")
    guards.writer(guard)


def test_fault_64_one_endpoint_down_closes_nothing(guards: Guards, store: DynamoLeaseStore, aws: Aws) -> None:
    guard, haproxy = open_guard(guards)
    writer = guards.writer(guard)
    aws.reach.cut("prod", "us-east-1", how="blackhole", service="dynamodb")
    before = store.read()
    assert before is not None
    wait_until(
        lambda: (store.read() or before).renewals >= before.renewals + 6,
        what="renewals at the other region",
    )
    assert not process_gone(haproxy) and guard.status()["haproxy"] == haproxy
    written = writer.acknowledged
    wait_until(lambda: writer.acknowledged > written, what="more orders")


def test_a_takeover_closes_the_gate_and_is_recorded_as_fenced(guards: Guards, store: DynamoLeaseStore) -> None:
    guard, haproxy = open_guard(guards)
    writer = guards.writer(guard)
    taken = take_over(store)
    finished = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert writer.wait_until_cut() - finished <= LEASE_SECONDS
    wait_until(lambda: (store.read() or taken).fenced_by(2), what="the fence record")
    assert process_gone(haproxy) and guard.refuses()
    assert guards.application_sessions() == 0


def test_fault_66_the_record_of_an_older_epoch_proves_nothing_and_is_not_renewed(
    guards: Guards, store: DynamoLeaseStore
) -> None:
    guard, _ = open_guard(guards)
    taken = take_over(store)
    wait_until(lambda: (store.read() or taken).fenced_epoch == 2, what="the record for epoch 2")
    again = take_over(store, "run-2")
    assert not again.fenced_by(again.epoch), "the record of epoch 2 counts for epoch 3"
    guard.wait_for_log("since epoch 3")
    assert (store.read() or again).fenced_epoch == 2, "recorded for an epoch before which it was not the holder"


def test_fault_67_an_open_transaction_and_a_statement_in_flight_write_nothing_after_the_fence(
    guards: Guards, store: DynamoLeaseStore, postgres: Primary
) -> None:
    with postgres.connect() as connection:  # alone, it would end the statement as well, but later
        connection.execute("ALTER SYSTEM SET client_connection_check_interval = 0")
        connection.execute("SELECT pg_reload_conf()")
    guard, _ = open_guard(guards)
    idle, busy = guards.application(guard), guards.application(guard)
    idle.execute("INSERT INTO orders VALUES ('idle', 'fault-67')")
    busy.autocommit = True
    # One message, so the server has the INSERT already and needs no client to go on with it.
    busy.pgconn.send_query(b"SELECT pg_sleep(4); INSERT INTO orders VALUES ('busy', 'fault-67')")
    taken = take_over(store)
    wait_until(lambda: (store.read() or taken).fenced_by(2), what="the fence record")
    assert guards.application_sessions() == 0
    with pytest.raises(psycopg.OperationalError):
        idle.commit()
    with postgres.connect() as connection:
        assert connection.execute("SELECT id FROM orders WHERE client = 'fault-67'").fetchall() == []


def test_fault_67_a_login_in_progress_at_the_fence_does_not_become_a_session(
    guards: Guards, store: DynamoLeaseStore, postgres: Primary
) -> None:
    guard, _ = open_guard(guards)
    login = psycopg.pq.PGconn.connect_start(
        f"host={guard.address} user=ultramarket_app password={postgres.passwords['ultramarket_app']} "
        "dbname=ultramarket".encode()
    )
    assert login.connect_poll() != psycopg.pq.PollingStatus.FAILED  # the startup packet is on its way
    taken = take_over(store)
    wait_until(lambda: (store.read() or taken).fenced_by(2), what="the fence record")
    with postgres.connect() as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename IS NULL"
        assert connection.execute(count).fetchone() == (0,)
    assert guards.application_sessions() == 0
    login.finish()


def test_a_fence_is_not_recorded_while_the_primary_cannot_be_asked(
    guards: Guards, store: DynamoLeaseStore, processes: object, postgres: Primary
) -> None:
    guard, haproxy = open_guard(guards)
    with postgres.connect() as connection:
        connection.execute("ALTER ROLE dr_guard NOLOGIN")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dr_guard'")
    taken = take_over(store)
    guard.wait_for_log("could NOT make sure")
    assert process_gone(haproxy)
    assert (store.read() or taken).fenced_epoch == 0
    with postgres.connect() as connection:
        connection.execute("ALTER ROLE dr_guard LOGIN")
    wait_until(lambda: (store.read() or taken).fenced_by(2), what="the fence record")


def test_a_dead_primary_does_not_stop_renewals_and_keeps_the_last_heartbeat(
    guards: Guards, store: DynamoLeaseStore, processes: object, postgres: Primary
) -> None:
    guard, _ = open_guard(guards)
    wait_until(lambda: bool((seen := store.read()) and seen.heartbeat), what="a heartbeat")
    postgres.supervisor.kill("postgres")
    before = store.read()
    assert before is not None
    wait_until(lambda: (store.read() or before).renewals > before.renewals + 3, what="more renewals")
    lease = store.read()
    assert lease is not None and lease.heartbeat is not None and before.heartbeat is not None
    assert lease.heartbeat.at - before.heartbeat.at < timedelta(seconds=2)
    assert guard.status()["state"] == "open"


def test_the_dr_guard_opens_only_when_the_lease_is_held_there(guards: Guards, store: DynamoLeaseStore) -> None:
    guard = guards.start("dr")
    guard.wait_for_log("the lease is prod's")
    take_over(store)
    guard.wait_for_log("run run-1 has taken the lease for this site")
    assert guard.refuses()
    store.hold(2, "run-1")
    assert guard.wait_for("open")["epoch"] == 2
    guards.writer(guard)


def test_a_guard_without_credentials_says_so_and_works_when_its_association_arrives(
    guards: Guards, store: DynamoLeaseStore, tmp_path: Path
) -> None:
    agent = Place()
    try:
        guard = guards.start(credentials=agent.variables(tmp_path))
        guard.wait_for_log("gate closed; no AWS credentials: there is no pod identity association for service account")
        guard.wait_for_log("Next: a new association takes some seconds")
        assert guard.refuses()
        agent.association = CREDENTIALS
        guard.wait_for("open")
        assert "Traceback" not in guard.log()
    finally:
        agent.stop()


def test_a_standing_by_guard_reports_what_it_could_do_and_that_it_cannot_log_in(
    guards: Guards, store: DynamoLeaseStore, table_at: Callable[[str], ControlTable], postgres: Primary
) -> None:
    reports = DynamoGuardReports(table_at("operator"))
    guard = guards.start("dr")

    def reported(like: Callable[[GuardReport], bool]) -> Callable[[], bool]:
        return lambda: (report := reports.read("dr")) is not None and like(report)

    with postgres.connect() as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('log_of_dr', true)")
    wait_until(
        reported(lambda report: report.database is not None and bool(report.database.slots)),
        what="a report", alive=[guard.child],
    )  # fmt: skip
    report = reports.read("dr")
    assert report is not None and report.database is not None
    with postgres.connect() as connection:
        row = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
        assert row == (report.database.system_identifier,) and not report.database.in_recovery
        connection.execute("ALTER ROLE dr_guard NOLOGIN")
    assert report.database.slots
    (slot,) = report.database.slots
    assert (slot.name, slot.lost, 0 < slot.retained < 2**30) == ("log_of_dr", False, True)
    assert report.database.slot_cap == 2**30
    assert report.database.address == f"{postgres.socket}:5432"
    assert (report.gate_open, report.mode, report.lease_problem) == (False, "enforce", "")
    assert report.lease == "site prod, epoch 1, held"
    assert report.boot_id == guard.status()["boot_id"]
    wait_until(
        reported(lambda report: report.database is None and "not permitted to log in" in report.database_problem),
        what="a report without a login", alive=[guard.child],
    )  # fmt: skip
    assert reports.read("prod") is None, "one site's guard speaks for itself alone"


def test_a_gate_whose_process_dies_is_started_again_under_the_lease(guards: Guards, store: DynamoLeaseStore) -> None:
    guard, haproxy = open_guard(guards)
    os.kill(haproxy, signal.SIGKILL)
    wait_until(lambda: guard.status()["haproxy"] not in (None, haproxy), what="another gate process")
    guards.writer(guard)


# A second guard that gets no CPU for as long as the lease is quiet, and the first then rightly takes over from it.
@pytest.mark.parametrize("store", [replace(FIRST_LEASE, lease_seconds=3 * LEASE_SECONDS)], indirect=True, ids=["long"])
@pytest.mark.usefixtures("store")
def test_a_second_guard_of_the_site_takes_over_and_the_first_stands_by(guards: Guards) -> None:
    first, _ = open_guard(guards)
    second = guards.start(number=2)
    second.wait_for("open")
    first.wait_for("closed")
    first.wait_for_log("standing by")
    writer = guards.writer(second)
    second.signal(signal.SIGTERM)
    writer.wait_until_cut()
    first.wait_for("open")


def test_observe_says_what_it_would_do_and_closes_nothing(guards: Guards, store: DynamoLeaseStore) -> None:
    guard = guards.start(mode="observe")
    guard.wait_for_log("gate open under epoch 1")
    writer = guards.writer(guard)
    taken = take_over(store)
    guard.wait_for_log("WOULD CLOSE the gate now, and does not")
    guard.wait_for_log("the lease is dr's since epoch 2")
    written = writer.acknowledged
    wait_until(lambda: writer.acknowledged > written, what="more orders")
    assert (store.read() or taken).fenced_epoch == 0, "a guard with an open gate recorded that it is fenced"
    assert "WARNING: gate open WITHOUT protection" in guard.log()


def test_off_opens_without_a_lease_and_says_so(guards: Guards, control_table: str) -> None:
    guard = guards.start(mode="off")
    guard.wait_for("open")
    guards.writer(guard)
    assert "WARNING: gate open WITHOUT protection: no lease is looked at" in guard.log()


def test_a_guard_told_to_stop_closes_and_keeps_the_lease_for_its_site(guards: Guards, store: DynamoLeaseStore) -> None:
    guard, haproxy = open_guard(guards)
    guards.writer(guard)
    wait_until(lambda: bool((seen := store.read()) and seen.heartbeat), what="a heartbeat")
    guard.signal(signal.SIGTERM)
    assert guard.child.process.wait(HUNG_SECONDS) == 0
    assert process_gone(haproxy)
    assert guards.application_sessions() == 0
    lease = store.read()
    assert lease is not None and lease.system_identifier, "noted by the first guard that sees the primary"
    assert replace(lease, boot_id="", renewals=0, heartbeat=None, system_identifier="") == FIRST_LEASE
