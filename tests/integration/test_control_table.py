"""The lease and the journal on DynamoDB's stand-in, read and written from two sites."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloud.control_table import ControlTable
from cloud.guard_reports import DynamoGuardReports
from cloud.lease_store import DynamoLeaseStore
from cloud.run_store import DynamoRunStore
from lab.aws.site import Aws
from recovery.errors import Ambiguous, LeaseRefused, Refused, Unreachable
from recovery.lease.lease import Heartbeat, Lease
from recovery.ports.control_table import RunClaim
from tests.support.clients import client
from tests.support.guard_process import FIRST_LEASE
from tests.support.promotion import guard_report

LeaseAt = Callable[[str], DynamoLeaseStore]
TableAt = Callable[[str], ControlTable]
BEAT = Heartbeat(at=datetime(2026, 11, 1, tzinfo=UTC), lsn=2**40 + 7, commits_per_second=12.5, timeline=3)


def taken_by(run: str, seen: Lease = FIRST_LEASE) -> Lease:
    return seen.successor("dr", run, lease=timedelta(seconds=2), margin=timedelta(seconds=0.5))


def test_the_lease_written_from_one_site_is_read_at_the_other(lease_at: LeaseAt) -> None:
    assert lease_at("dr").read() is None
    lease_at("prod").create(FIRST_LEASE)
    assert lease_at("dr").read() == FIRST_LEASE


def test_the_first_lease_is_written_once(lease_at: LeaseAt) -> None:
    lease_at("prod").create(FIRST_LEASE)
    with pytest.raises(LeaseRefused, match="site prod, epoch 1, held by run init"):
        lease_at("prod").create(FIRST_LEASE)


def test_the_first_lease_is_written_when_its_answer_is_lost(lease_at: LeaseAt, aws: Aws) -> None:
    aws.reach.drop_next_answer("dynamodb", "PutItem")
    lease_at("prod").create(FIRST_LEASE)
    assert lease_at("dr").read() == FIRST_LEASE


def test_a_younger_guard_s_report_is_not_overwritten_by_an_older_one_s(table_at: TableAt) -> None:
    at_prod, at_dr = DynamoGuardReports(table_at("prod")), DynamoGuardReports(table_at("dr"))
    older = guard_report(boot_id="older", database=None, database_problem="no route")
    younger = guard_report(boot_id="younger", started=older.started + timedelta(seconds=1))
    at_dr.write(older)
    at_dr.write(younger)
    with pytest.raises(Refused, match="a younger guard of site dr reports: younger"):
        at_prod.write(older)
    at_dr.write(replace(younger, gate_open=True))
    assert at_prod.read("dr") == replace(younger, gate_open=True)


def test_a_renewal_counts_and_carries_the_heartbeat(lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    renewed = store.renew(FIRST_LEASE, boot_id="g1", heartbeat=BEAT)
    assert renewed == replace(FIRST_LEASE, boot_id="g1", renewals=1, heartbeat=BEAT)
    assert store.renew(renewed, boot_id="g1", heartbeat=None).heartbeat == BEAT
    assert lease_at("dr").read() == replace(renewed, renewals=2)


def test_the_first_heartbeat_with_a_system_identifier_records_it_and_no_later_one_changes_it(lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    silent = store.renew(FIRST_LEASE, boot_id="g1", heartbeat=BEAT)  # a guard that does not know it yet
    assert silent.system_identifier == ""
    first = store.renew(silent, boot_id="g1", heartbeat=replace(BEAT, system_identifier="7412345678901234567"))
    later = store.renew(first, boot_id="g1", heartbeat=replace(BEAT, system_identifier="7300000000000000001"))
    assert later.system_identifier == "7412345678901234567"
    assert later.heartbeat and later.heartbeat.system_identifier == "7300000000000000001"
    lease_at("dr").take(later, taken_by("run-1", later))
    after = lease_at("dr").read()
    assert after and (after.epoch, after.system_identifier) == (2, "7412345678901234567")


def test_the_system_identifier_is_changed_by_whoever_names_the_old_one(lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    with pytest.raises(LeaseRefused, match="the lease does not exist"):
        store.record_system("2", seen="")
    store.create(FIRST_LEASE)
    assert store.record_system("1", seen="").system_identifier == "1"
    with pytest.raises(LeaseRefused, match="you say it replaces none, the lease says 1"):
        store.record_system("2", seen="")
    with pytest.raises(LeaseRefused, match="you say it replaces 3, the lease says 1"):
        store.record_system("2", seen="3")
    assert store.record_system("2", seen="1").system_identifier == "2"
    assert store.record_system("2", seen="1").system_identifier == "2"  # asked again: an answer may have been lost
    assert lease_at("dr").read() == replace(FIRST_LEASE, system_identifier="2")


def test_a_renewal_is_refused_after_a_takeover_and_shows_who_has_it(lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    lease_at("dr").take(FIRST_LEASE, taken_by("run-1"))
    with pytest.raises(LeaseRefused, match="site dr, epoch 2, taken by run run-1"):
        store.renew(FIRST_LEASE, boot_id="g1", heartbeat=None)


def test_a_guard_that_was_displaced_may_not_renew(lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    first = store.renew(FIRST_LEASE, boot_id="g1", heartbeat=None)
    store.renew(first, boot_id="g2", heartbeat=None)
    with pytest.raises(LeaseRefused, match="guard g2"):
        store.renew(first, boot_id="g1", heartbeat=None)


def test_a_renewal_goes_to_the_other_region_when_its_own_is_cut_off(lease_at: LeaseAt, aws: Aws) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    aws.reach.cut("prod", "us-east-1", service="dynamodb")
    assert store.renew(FIRST_LEASE, boot_id="g1", heartbeat=None).renewals >= 1
    before = len(aws.reach.attempts())
    assert store.read() is not None
    assert len(aws.reach.attempts()) == before, "a replica that did not answer is asked first again"


def test_nothing_answers_when_both_regions_are_cut_off(lease_at: LeaseAt, aws: Aws) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    aws.reach.cut("prod", "*", service="dynamodb")
    with pytest.raises(Unreachable, match=r"us-east-1: .*us-west-2: "):
        store.renew(FIRST_LEASE, boot_id="g1", heartbeat=None)


def test_a_takeover_returns_the_old_item_with_its_terms(lease_at: LeaseAt) -> None:
    lease_at("prod").create(FIRST_LEASE)
    renewed = lease_at("prod").renew(FIRST_LEASE, boot_id="g1", heartbeat=BEAT)
    store = lease_at("dr")
    assert store.take(FIRST_LEASE, taken_by("run-1")) == renewed
    taken = replace(taken_by("run-1"), heartbeat=BEAT, boot_id="g1")
    assert store.read() == taken, "the guard that renewed last must stay named: only it may record the fence"
    assert store.hold(2, "run-1") == store.hold(2, "run-1") == replace(taken, state="held")


def test_a_takeover_is_refused_when_the_lease_moved(lease_at: LeaseAt) -> None:
    store = lease_at("dr")
    store.create(FIRST_LEASE)
    store.take(FIRST_LEASE, taken_by("run-1"))
    with pytest.raises(LeaseRefused, match="run run-1"):
        store.take(FIRST_LEASE, taken_by("run-2"))
    with pytest.raises(LeaseRefused, match="run run-1"):
        store.hold(2, "run-2")


def test_fault_65_a_takeover_whose_answer_is_lost_is_told_by_the_run_id(lease_at: LeaseAt, aws: Aws) -> None:
    store = lease_at("operator")
    store.create(FIRST_LEASE)
    aws.reach.drop_next_answer("dynamodb", "UpdateItem", "operator")
    with pytest.raises(Ambiguous):
        store.take(FIRST_LEASE, taken_by("run-1"))
    assert store.read() == taken_by("run-1")
    with pytest.raises(LeaseRefused, match="run run-1"):
        store.take(FIRST_LEASE, taken_by("run-2"))
    with pytest.raises(Ambiguous, match="had taken the lease before"):
        store.take(FIRST_LEASE, taken_by("run-1"))


def test_fault_65_a_takeover_that_was_never_executed_is_told_apart_and_not_sent_to_the_other_region(
    aws: Aws, control_table: str
) -> None:
    regions = ("us-west-2", "us-east-1")
    impatient = {region: client(aws, "dynamodb", "operator", region, read_timeout=2) for region in regions}
    store = DynamoLeaseStore(ControlTable(control_table, impatient))
    store.create(FIRST_LEASE)
    aws.reach.cut("operator", "us-west-2", how="blackhole", service="dynamodb")
    with pytest.raises(Ambiguous, match="us-west-2"):
        store.take(FIRST_LEASE, taken_by("run-1"))
    assert store.read() == FIRST_LEASE


def test_fault_66_a_fence_is_recorded_for_the_current_epoch_only(lease_at: LeaseAt) -> None:
    store = lease_at("prod")
    store.create(FIRST_LEASE)
    store.take(FIRST_LEASE, taken_by("run-1"))
    with pytest.raises(LeaseRefused, match="epoch 1 is not current"):
        store.record_fenced(1)
    store.record_fenced(2)
    now = lease_at("dr").read()
    assert now is not None and now.fenced_by(2) and not now.fenced_by(3)


class Conflicting:
    """A DynamoDB client whose first answers are write conflicts, which moto never has."""

    def __init__(self, client: Any, conflicts: int) -> None:
        self._client = client
        self.left = conflicts

    def update_item(self, **request: Any) -> Any:
        if self.left:
            self.left -= 1
            raise ClientError({"Error": {"Code": "ReplicatedWriteConflictException"}}, "UpdateItem")
        return self._client.update_item(**request)


def test_a_write_conflict_between_regions_is_tried_again(lease_at: LeaseAt, table_at: TableAt) -> None:
    lease_at("prod").create(FIRST_LEASE)
    table = table_at("prod")
    conflicting = Conflicting(table._clients["us-east-1"], conflicts=2)
    store = DynamoLeaseStore(ControlTable(table.name, {"us-east-1": conflicting}))
    assert store.renew(FIRST_LEASE, boot_id="g1", heartbeat=None).renewals == 1
    assert conflicting.left == 0


def test_a_missing_table_says_which_stack_makes_it(table_at: TableAt) -> None:
    table = table_at("prod")
    with pytest.raises(Refused, match=r"no control table no-such-table[\s\S]*pulumi up --stack foundation"):
        DynamoLeaseStore(ControlTable("no-such-table", table._clients)).read()


CLAIM = RunClaim(run="run-1", holder="host:1", boot_id="b", beat=1)


def test_fault_4_one_run_at_a_time_and_the_second_is_told_who(table_at: TableAt) -> None:
    store = DynamoRunStore(table_at("operator"))
    store.put_claim(CLAIM, seen=None)
    with pytest.raises(Refused, match="run run-1 of host:1"):
        store.put_claim(replace(CLAIM, run="run-2", holder="host:2"), seen=None)
    store.put_claim(replace(CLAIM, beat=2), seen=CLAIM)
    assert store.claim() == replace(CLAIM, beat=2)


def test_fault_5_a_holder_whose_claim_was_taken_over_is_refused(table_at: TableAt) -> None:
    store = DynamoRunStore(table_at("operator"))
    store.put_claim(CLAIM, seen=None)
    other = replace(CLAIM, run="run-2", holder="host:2")
    store.put_claim(other, seen=CLAIM)
    with pytest.raises(Refused, match="run run-2 of host:2"):
        store.put_claim(replace(CLAIM, beat=2), seen=CLAIM)
    store.release(CLAIM)
    assert store.claim() == other
    store.release(other)
    assert store.claim() is None


def test_a_claim_whose_answer_is_lost_is_ours(table_at: TableAt, aws: Aws) -> None:
    store = DynamoRunStore(table_at("operator"))
    aws.reach.drop_next_answer("dynamodb", "PutItem", "operator")
    store.put_claim(CLAIM, seen=None)
    assert store.claim() == CLAIM


def test_journal_entries_are_written_once_and_read_in_order(table_at: TableAt) -> None:
    store = DynamoRunStore(table_at("operator"))
    for number in (1, 2, 3):
        store.append("run-1", number, {"step": number})
    store.append("run-1", 2, {"step": 2})
    with pytest.raises(Refused, match="entry 2 of run run-1"):
        store.append("run-1", 2, {"step": "another"})
    assert store.entries("run-1") == [{"step": 1}, {"step": 2}, {"step": 3}]
    assert store.entries("run-2") == []
