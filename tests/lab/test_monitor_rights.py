"""The monitor's Job, as it is declared, under its own service account, role and Pod identity, on a real API server."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cloud.kubernetes import KubernetesCluster
from lab.aws.site import Aws
from recovery.errors import Refused
from recovery.failover.bundle import Bundle
from recovery.names import BESIDE, METRICS_NAMESPACE, MONITOR_ACCOUNT, MONITOR_LABEL, PLAN_FOLDER, Names
from recovery.plan.loading import load_plan
from recovery.site.kubeconfig import token_kubeconfig
from tests.lab.conftest import PYTHON_IMAGE, REGION, Object, Workspace, associate
from tests.support import stacks
from tests.support.clients import client
from tests.support.plans import ROOT
from tests.support.promotion import bundle

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
NOBODY = "127.0.0.1:1"
RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Object]:
    """Inputs of what the dr stack declares."""
    monkeypatch.chdir(ROOT)
    return {each.name: each.inputs for each in stacks.declare("dr")}


def make(space: Workspace, declared: dict[str, Object]) -> None:
    """What the monitor's Pod needs in its namespace, as declared; the kubeconfig is this cluster's, and the bundle lies
    beside the plan, with addresses where nobody is."""
    places = bundle().endpoints.model_copy(update={"standby": NOBODY, "prod_edge": NOBODY, "dr_edge": NOBODY})
    seen: Bundle = bundle().model_copy(update={"endpoints": places, "namespace": space.name})
    own = json.loads(declared["monitor-access"]["data"]["kubeconfig"])
    kubeconfig = token_kubeconfig(
        name="dr",
        endpoint=space.cluster.endpoint,
        ca_data=space.cluster.ca_data,
        token_file=own["users"][0]["user"]["tokenFile"],
    )
    space.create("serviceaccounts", MONITOR_ACCOUNT, automountServiceAccountToken=False)
    login = {"password": base64.b64encode(b"its own").decode()}
    for each in ("monitor-login", "monitor-redis-login"):
        space.create("secrets", declared[each]["metadata"]["name"], data=login)
    space.create("configmaps", declared["monitor-access"]["metadata"]["name"], data={"kubeconfig": kubeconfig})
    space.create(
        "configmaps",
        declared["plan"]["metadata"]["name"],
        data=declared["plan"]["data"] | {"bundle.json": seen.to_json()},
    )
    space.create("configmaps", declared["postgres-beside-order"]["metadata"]["name"])
    spec = _whole(declared["postgres-beside-deployment"]["spec"])
    space.create("deployments", BESIDE, group="apps/v1", spec=spec)
    role, binding = declared["monitor-role"], declared["monitor-binding"]
    space.create("roles", role["metadata"]["name"], group=RBAC, rules=role["rules"])
    (subject,) = binding["subjects"]
    bound = {"roleRef": {"apiGroup": RBAC.partition("/")[0]} | binding["roleRef"]}
    bound["subjects"] = [subject | {"namespace": space.name}]
    space.create("rolebindings", binding["metadata"]["name"], group=RBAC, **bound)


def job(declared: dict[str, Object], aws: Aws) -> Object:
    """The CronJob's Job. Only what a cluster and its images decide is put in: paths, and the way to AWS."""
    spec = _whole(declared["monitor-job"]["spec"]["jobTemplate"]["spec"])
    (container,) = spec["template"]["spec"]["containers"]
    container["image"] = PYTHON_IMAGE
    container["command"].append("--json")
    here = {
        "DR_BUNDLE": f"{PLAN_FOLDER}/bundle.json",
        "AWS_ENDPOINT_URL": aws.endpoint("prod"),
        "PYTHONPATH": str(ROOT),
    }
    kept = [each for each in container["env"] if each["name"] not in here]
    container["env"] = [*kept, *({"name": name, "value": value} for name, value in here.items())]
    return spec


def _whole(declared: Object) -> Any:
    """To Pulumi's mocks all numbers are floats."""
    return json.loads(json.dumps(declared), parse_float=lambda number: int(float(number)))


def test_the_monitor_looks_and_publishes_with_its_own_rights_and_may_not_do_more(
    space: Workspace, pod_aws: Aws, declared: dict[str, Object], tmp_path: Path
) -> None:
    make(space, declared)
    associate(space, MONITOR_ACCOUNT, NAMES.role_arn("monitor"))
    made = job(declared, pod_aws)
    space.create("jobs", "look", group="batch/v1", spec=made)

    def done() -> bool:
        return bool(space.api.get(space.path("jobs", "look", "batch/v1")).get("status", {}).get("succeeded"))

    space.eventually(done, "the Job to publish and end well")
    (pod,) = space.pods(**MONITOR_LABEL)
    log = space.log(pod["metadata"]["name"], "monitor")
    found = json.loads(log[log.index("{\n") : log.rindex("}") + 1])["findings"]
    assert "services" in found, log
    # Answered by the API server, to this service account: no service's Deployment is there, and no CronJob.
    assert found["services"]["words"].startswith("auth 0 of 1 (no such Deployment)")
    assert found["jobs"]["level"] == "OK"
    assert (found["beside"]["level"], found["beside"]["words"]) == ("OK", "none")
    metrics = client(pod_aws, "cloudwatch", "operator", REGION).list_metrics(Namespace=METRICS_NAMESPACE)["Metrics"]
    assert {*found, "worst"} == {each["Dimensions"][0]["Value"] for each in metrics}

    cluster = KubernetesCluster(own_kubeconfig(space, tmp_path), space.name)
    assert [*cluster.deployments()] == [BESIDE]
    assert (cluster.scheduled_jobs(), cluster.may_scale()) == ((), False)
    for more in (cluster.room, cluster.identity, lambda: cluster.scale("auth", 0)):
        with pytest.raises(Refused, match="403"):
            more()


def own_kubeconfig(space: Workspace, folder: Path) -> Path:
    """With a token of the monitor's service account."""
    asked: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = space.api.create(space.path("serviceaccounts", f"{MONITOR_ACCOUNT}/token"), asked)["status"]["token"]
    (folder / "token").write_text(token)
    text = token_kubeconfig(
        name="dr", endpoint=space.cluster.endpoint, ca_data=space.cluster.ca_data, token_file=str(folder / "token")
    )
    (folder / "kubeconfig").write_text(text)
    return folder / "kubeconfig"
