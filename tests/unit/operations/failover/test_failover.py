"""One invocation from its first look to its end, on a site in memory."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from operations.failover import journal_file, survey
from operations.failover.ports import stores
from recovery.errors import Failed, Refused, Unreachable
from recovery.lease.guard_report import DatabaseSeen
from recovery.ports.edge import WriteAnswer
from recovery.ports.standby import StandbyState
from tests.support.failover import Invocation
from tests.support.promotion import PLAN, SYSTEM, FakeStandby, Site, bundle, guard_report, lease, standby


class GrowingStandby(FakeStandby):
    """Not streaming, but WAL comes in from the archive: every look finds more."""

    def state(self) -> StandbyState:
        self.site.database = replace(self.site.database, receive_lsn=self.site.database.receive_lsn + 10)
        return self.site.database


class WrongPassword(FakeStandby):
    """A server that turns us away."""

    def state(self) -> StandbyState:
        raise Refused("turns this login away", next_step="correct PGUSER")


def test_a_dry_run_changes_nothing_and_execute_ends_the_promotion(tmp_path: Path) -> None:
    site = Site()
    invocation = Invocation(site, tmp_path / "journal")
    dry = invocation.prepare()
    assert dry.verdict.may_go
    assert dry.verdict.warnings == ()
    assert site.effects == []
    assert not (tmp_path / "journal").exists()
    assert not invocation.execute().resumed
    assert site.marker
    assert invocation.prepare().finished


def test_what_the_bucket_is_ahead_is_counted_from_before_the_fence_wait(tmp_path: Path) -> None:
    """The standby drains while production is fenced: at the step itself there is mostly nothing left to see."""
    site = Site(bucket_end=5000, drained_a_look=0)
    invocation = Invocation(site, tmp_path)
    assert invocation.prepare().forecast.loss.bucket_ahead_bytes == 4000

    site.drained_a_look = 1000
    history = invocation.execute().history
    assert history.begun["log"] == {"position": 1000, "ahead_bytes": 4000}
    assert history.done["drain"]["drained_bytes"] == 4000


def test_a_refusal_changes_nothing_not_even_the_journal_folder(tmp_path: Path) -> None:
    site = Site()
    del site.replicas["cart"]
    with pytest.raises(Refused, match="no Deployment cart"):
        Invocation(site, tmp_path / "journal").execute()
    assert site.effects == []
    assert site.claim is None
    assert not (tmp_path / "journal").exists()


def test_a_resumed_run_says_so_and_keeps_its_name(tmp_path: Path) -> None:
    site = Site(broken={"cart": "Pending: no node"})
    invocation = Invocation(site, tmp_path)
    with pytest.raises(Failed, match="Pending: no node"):
        invocation.execute()
    run = invocation.prepare().run
    site.broken.clear()
    outcome = invocation.execute()
    assert outcome.resumed
    assert outcome.history.run == run
    assert site.count("take") == site.count("promote") == 1


def test_wal_that_comes_from_the_archive_is_seen_to_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey.time, "sleep", lambda seconds: None)
    site = Site(database=standby(receive_lsn=400))
    assert "are missing, and no WAL comes in" in Invocation(site, tmp_path).prepare().forecast.loss.words()
    growing = Invocation(site, tmp_path).with_ports(standby=GrowingStandby(site)).prepare()
    assert "have not arrived yet" in growing.forecast.loss.words()


def test_a_login_that_is_turned_away_is_told_what_to_correct_and_no_backup_is_looked_for(tmp_path: Path) -> None:
    site = Site()

    def never() -> str:
        raise AssertionError("a database that answers needs no backup")

    (only,) = (
        Invocation(site, tmp_path)
        .with_ports(standby=WrongPassword(site), newest_backup=never)
        .prepare()
        .verdict.reasons
    )
    assert only.next_step == "correct PGUSER"


def test_a_guard_of_another_database_is_known_by_the_lease_s_record_where_nobody_configured_it(tmp_path: Path) -> None:
    elsewhere = DatabaseSeen(system_identifier="1", in_recovery=True)
    site = Site(lease=lease(system_identifier=SYSTEM))
    site.reports["dr"] = guard_report(database=elsewhere)
    (only,) = Invocation(site, tmp_path, bundle=bundle(system_identifier=None)).reasons()
    assert f"guards a database with system identifier 1, production's is {SYSTEM}" in only


def test_a_resolver_that_is_silent_is_named_before_anything_is_done(tmp_path: Path) -> None:
    def silent() -> None:
        raise Unreachable("timed out")

    invocation = Invocation(Site(), tmp_path).with_ports(check_resolvers={"10.0.0.2:53": silent})
    assert invocation.reasons() == [f"resolver 10.0.0.2:53 cannot verify {PLAN.dns.name}: timed out"]


def test_a_cluster_that_is_not_ours_is_not_asked_for_anything(tmp_path: Path) -> None:
    site = Site(down={"cluster"})
    changed = bundle()
    other = changed.model_copy(update={"cluster": changed.cluster.model_copy(update={"endpoint": "https://other"})})
    prepared = Invocation(site, tmp_path, bundle=other).prepare()
    (only,) = prepared.verdict.reasons
    assert "the kubeconfig is of https://dr.example" in only.what
    assert "scale" not in prepared.facts.previews


def test_a_disk_that_fills_during_the_run_ends_it_resumably(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    invocation = Invocation(site, tmp_path)
    write = os.write
    left = [9]

    def filling(file: int, line: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, line)

    monkeypatch.setattr(journal_file.os, "write", filling)
    with pytest.raises(Failed, match=r"\.jsonl cannot be written: No space left on device") as caught:
        invocation.execute()
    assert "--journal-dir" in caught.value.next_step
    assert site.claim is None
    monkeypatch.undo()
    elsewhere = Invocation(site, tmp_path / "elsewhere")
    elsewhere.execute()
    assert site.marker
    assert site.count("take") == site.count("promote") == 1


def test_why_a_run_stops_is_said_even_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(old_site=WriteAnswer("accepted"))
    write = os.write

    def filling(file: int, line: bytes) -> int:
        if b'"kind": "stop"' in line:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, line)

    monkeypatch.setattr(journal_file.os, "write", filling)
    with pytest.raises(Failed, match=r"acknowledged a write .* moreover, the journal .* cannot be written"):
        Invocation(site, tmp_path).execute()


def test_both_replicas_of_the_control_table_are_asked_and_the_dr_region_s_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[str, dict[str, Any]]] = []

    def client(service: str, region: str, **settings: Any) -> object:
        made.append((region, settings))
        return object()

    monkeypatch.setattr("cloud.control_table.client", client)
    stores(bundle())
    assert [region for region, _ in made] == ["us-west-2", "us-east-1"]
    assert all(settings == {"timeout": 1.5, "attempts": 1} for _, settings in made)
