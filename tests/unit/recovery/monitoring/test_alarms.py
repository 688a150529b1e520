"""Which metrics wake somebody, where, and that what is declared is this table."""

from functools import cache

import pytest

from recovery.monitoring.alarms import EVERY, Alarm, alarms
from recovery.monitoring.finding_alarms import FINDINGS
from recovery.names import METRICS_NAMESPACE, REPLICATION_RULE, Names
from recovery.plan.loading import load_plan
from tests.support import stacks
from tests.support.plans import ROOT
from tests.support.stacks import Declared

PLAN = load_plan(ROOT / "recovery.yaml")
NAMES = Names(PLAN, "123456789012")
TABLE = {each.name: each for each in alarms(NAMES, assets="shop-assets")}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi runs the program in the project's folder."""
    monkeypatch.chdir(stacks.ROOT)


@cache
def declared() -> dict[str, Declared]:
    """foundation."""
    return {each.name: each for each in stacks.declare("foundation", {"assetsBucket": "shop-assets"})}


@pytest.mark.parametrize("alarm", TABLE.values(), ids=str)
def test_each_alarm_is_declared_beside_its_metric_and_tells_the_topic_of_that_region(alarm: Alarm) -> None:
    found = declared()[f"watch-{alarm.name}"].inputs
    topic = {"us-east-1": "arn:aws:test:::alarms-prod-topic", "us-west-2": "arn:aws:test:::alarms-dr-topic"}
    assert (found["region"], found["name"]) == (alarm.region, NAMES.alarm_rule(alarm.name))
    assert found["alarmActions"] == found["okActions"] == [topic[alarm.region]]
    assert found["treatMissingData"] == alarm.silence
    assert (found["namespace"], found["metricName"]) == (alarm.namespace, alarm.metric)
    assert (found["period"], found["evaluationPeriods"]) == (alarm.period.total_seconds(), alarm.periods)


@pytest.mark.parametrize("check", ["canary", "marker"])
def test_a_health_check_s_alarm_is_in_us_east_1_and_names_the_check(check: str) -> None:
    alarm = declared()[f"watch-{check}-check"].inputs
    assert alarm["region"] == "us-east-1"
    assert alarm["dimensions"] == {"HealthCheckId": f"failover-{check}-check-id"}


@pytest.mark.parametrize(
    ("what", "source", "copy"),
    [
        ("backups", NAMES.backup_bucket("prod"), NAMES.backup_bucket("dr")),
        ("assets", "shop-assets", NAMES.assets_bucket),
    ],
)
def test_replication_s_lateness_is_heard_of_where_the_copies_are_and_its_failures_where_they_come_from(
    what: str, source: str, copy: str
) -> None:
    late, failed = TABLE[f"replication-late-{what}"], TABLE[f"replication-failed-{what}"]
    (rule,) = declared()["static-assets-replication-rule" if what == "assets" else "backup-replication-rule"].inputs[
        "rules"
    ]
    assert late.dimensions == failed.dimensions
    assert late.dimensions == {"SourceBucket": source, "DestinationBucket": copy, "RuleId": rule["id"]}
    assert rule["id"] == REPLICATION_RULE
    assert (late.region, late.silence, late.threshold) == ("us-west-2", "breaching", 900)
    assert (failed.region, failed.silence) == ("us-east-1", "notBreaching")


def test_a_bucket_that_is_not_copied_has_no_alarm() -> None:
    assert not [
        each for each in alarms(NAMES, assets="") if each.name.endswith("-assets") and each.namespace == "AWS/S3"
    ]


def test_every_finding_is_alarmed_in_the_dr_region_and_the_monitor_s_silence_in_production_s() -> None:
    own = [each for each in TABLE.values() if each.namespace == METRICS_NAMESPACE]
    assert {each.dimensions["Finding"] for each in own if each.region == "us-west-2"} == set(FINDINGS)
    assert {each.dimensions["Finding"] for each in own if each.region == "us-east-1"} == {"worst"}
    # A value a period, or every second one would be missing.
    assert {(each.silence, each.period) for each in own} == {("breaching", EVERY)}


def test_silence_is_health_only_for_what_s3_counts_while_there_is_something() -> None:
    assert {each.metric for each in TABLE.values() if each.silence == "notBreaching"} == {"OperationsFailedReplication"}
