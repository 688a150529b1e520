"""The monitor's CronJob: it finds everything that `dr status` needs, and may do nothing else."""

import json
from functools import cache
from typing import Any

import pytest

from recovery.monitoring.alarms import EVERY
from recovery.names import Names
from recovery.plan.loading import load_plan
from tests.support import stacks
from tests.support.plans import ROOT
from tests.support.stacks import Declared

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi runs the program in the project's folder."""
    monkeypatch.chdir(stacks.ROOT)


@cache
def declared() -> dict[str, Declared]:
    """dr."""
    return {each.name: each for each in stacks.declare("dr")}


def inputs(name: str) -> dict[str, Any]:
    return declared()[name].inputs


def pod() -> dict[str, Any]:
    return inputs("monitor-job")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_it_runs_once_a_period_of_its_alarms_and_no_run_outlives_it() -> None:
    spec = inputs("monitor-job")["spec"]
    assert spec["schedule"] == "*/5 * * * *"
    assert (spec["concurrencyPolicy"], spec["jobTemplate"]["spec"]["activeDeadlineSeconds"]) == ("Forbid", 300)
    assert EVERY.total_seconds() == 300


def test_it_publishes_the_status_with_its_own_login_and_the_cluster_s_token() -> None:
    (container,) = pod()["containers"]
    assert container["command"] == ["dr", "status", "--publish"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["PGUSER"] == "dr_monitor"
    assert environment["DR_BUNDLE"] == NAMES.bundle_url
    assert environment["KUBECONFIG"] == "/etc/dr-access/kubeconfig"
    assert json.loads(inputs("monitor-access")["data"]["kubeconfig"])["users"][0]["user"] == {"tokenFile": "token"}
    assert "not-a-secret" not in json.dumps(pod())


def test_its_role_is_the_monitor_s_and_in_the_cluster_it_may_only_look() -> None:
    association = inputs("monitor-identity")
    assert association["roleArn"] == NAMES.role_arn("monitor")
    assert association["serviceAccount"] == pod()["serviceAccountName"]
    rights = {
        (what, verb) for rule in inputs("monitor-role")["rules"] for what in rule["resources"] for verb in rule["verbs"]
    }
    # All that `dr status` asks the cluster; more would be more than looking.
    assert rights == {
        ("deployments", "get"),
        ("deployments", "list"),
        ("pods", "get"),
        ("pods", "list"),
        ("persistentvolumeclaims", "get"),
        ("configmaps", "get"),
        ("cronjobs", "list"),
        ("jobs", "list"),
    }
    (subject,) = inputs("monitor-binding")["subjects"]
    assert subject["name"] == pod()["serviceAccountName"]


def test_the_walls_let_it_reach_the_standby_and_aws() -> None:
    component = inputs("monitor-job")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"][
        "app.kubernetes.io/component"
    ]
    for policy in ("default-deny-aws", "default-deny-runners"):
        (wanted,) = inputs(policy)["spec"]["podSelector"]["matchExpressions"]
        assert component in wanted["values"], policy
    assert "dr_promoter,dr_backup,dr_monitor" in inputs("postgres-config")["data"]["pg_hba.conf"]
