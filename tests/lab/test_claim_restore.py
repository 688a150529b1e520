"""`dr restore --target-pvc` on a real API server, with the manifests of the dr stack and the operator's own rights."""

import copy
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.kubernetes_api import KubernetesApi
from lab.aws.site import Aws
from lab.machine.processes import Supervisor
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, Refused
from recovery.lease.lease import format_lsn
from recovery.names import OPERATOR_ACCOUNT, RESTORE_NAMESPACE, RESTORE_TEMPLATE, RESTORER_ACCOUNT, namespace_identity
from recovery.site.claim_restore import job_name
from tests.lab import beside_site
from tests.lab.beside_site import NAMES, BesideSite
from tests.lab.conftest import REGION, Object, Workspace, associate
from tests.support.restore_site import lsn, order
from tests.support.wal_shipping import Shipper

pytestmark = pytest.mark.timeout(300)
_RBAC = "rbac.authorization.k8s.io"
CLAIM = "theirs"


@pytest.fixture
def site(space: Workspace, pod_aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BesideSite]:
    processes = Supervisor(tmp_path / "databases")
    try:
        yield from beside_site.make(space, pod_aws, tmp_path, processes, monkeypatch)
    finally:
        processes.stop_all()


@pytest.fixture
def room(site: BesideSite) -> Workspace:
    """The namespace as the dr stack declares it. Pulumi's mocks make floats of numbers."""
    declared, made = site.declared, copy.copy(site.space)
    made.name = RESTORE_NAMESPACE
    labels = declared["restore-namespace"]["metadata"]["labels"]
    identity = namespace_identity("dr", NAMES.account, REGION)
    metadata = {"name": made.name, "labels": labels, "annotations": identity}
    made.api.create("/api/v1/namespaces", {"metadata": metadata})
    for name in ("restore-quota", "restore-template"):
        whole = json.loads(json.dumps(declared[name]["spec"]), parse_float=lambda number: int(float(number)))
        kind, group = ("resourcequotas", "api/v1") if name == "restore-quota" else ("cronjobs", "batch/v1")
        made.create(kind, declared[name]["metadata"]["name"], group=group, spec=whole)
    made.create("serviceaccounts", RESTORER_ACCOUNT, automountServiceAccountToken=False)
    associate(made, RESTORER_ACCOUNT, NAMES.role_arn("restorer"))
    made.create("roles", RESTORE_NAMESPACE, group=f"{_RBAC}/v1", rules=declared["restore-role"]["rules"])
    subjects = [{"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": site.space.name}]
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": RESTORE_NAMESPACE}
    made.create("rolebindings", RESTORE_NAMESPACE, group=f"{_RBAC}/v1", roleRef=reference, subjects=subjects)
    return made


def claim(room: Workspace, name: str, size: str = "4Gi", **more: Any) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **more}
    room.create("persistentvolumeclaims", name, spec=spec)


def dr(site: BesideSite, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(site, *options), env=site.environment, cwd=site.folder, capture_output=True, text=True, timeout=150,
        check=False,
    )  # fmt: skip


def command(site: BesideSite, *options: str) -> list[str]:
    return [*site.command()[:-1], "--target-pvc", *options]


def job(room: Workspace) -> Object:
    return room.api.get(room.path("jobs", job_name(CLAIM), group="batch/v1"))


def test_a_claim_gets_the_database_of_a_moment_by_a_job_whoever_asks_and_however_often(
    site: BesideSite, room: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = beside_site.source(site, monkeypatch)
    with site.primary.connect() as session:
        source.back_up()
        order(session, "before", 7)
        moment = format_lsn(lsn(session))
        session.execute("DROP TABLE orders")
        Shipper(source).ship()

    refusals(site, room, moment)

    claim(room, CLAIM)
    folder = folder_of_the_claim(site)
    shown = dr(site, CLAIM, "--to", moment)
    assert shown.returncode == EXIT_DONE, shown.stderr
    assert "what can be restored:" in shown.stdout and "Nothing was done. Next: the same with" in shown.stdout
    assert room.api.get(room.path("jobs", group="batch/v1"))["items"] == []

    begin_and_kill(site, room, moment)
    uid = job(room)["metadata"]["uid"]
    assert dr(site, CLAIM, "--to", "latest", "--execute").returncode == EXIT_REFUSED

    done = dr(site, CLAIM, "--to", moment, "--execute", "--json")
    assert done.returncode == EXIT_DONE, done.stderr
    found = json.loads(done.stdout)
    assert (found["restored"], found["claim"], found["to"]) == (True, CLAIM, moment)
    assert job(room)["metadata"]["uid"] == uid, "a second Job was made"
    told = dr(site, CLAIM)
    assert "restored and verified" in told.stdout and f"claimName: {CLAIM}" in told.stdout
    assert {each.name for each in folder.iterdir()} == {"data"}, "something was left beside the data"
    assert (folder / "data" / "PG_VERSION").exists() and (folder / "data" / "global" / "pg_control").exists()
    assert not list((folder / "data").glob("*.signal")), "it would recover or follow when it is started"

    failure_is_told_and_tried_again(site, room, moment)
    with pytest.raises(Refused):
        operators(site).call("GET", room.path("secrets"))
    with pytest.raises(Refused):
        operators(site).call("POST", site.space.path("jobs", group="batch/v1"), {})
    with pytest.raises(Refused):
        operators(site).call("POST", room.path("pods"), {})


def refusals(site: BesideSite, room: Workspace, moment: str) -> None:
    """Nothing is made for a claim that will not do."""
    claim(room, "small", "10Mi")
    claim(room, "block", volumeMode="Block")
    claim(room, "busy")
    user = {
        "containers": [{"name": "main", "image": "registry.test/none@sha256:" + "1" * 64, **_LOCKED}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "busy"}}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "schedulerName": "nobody",
    }
    room.create("pods", "somebody", spec=user)
    for name, words in {
        "absent": "there is no claim absent",
        "small": "claim small has",
        "block": "is a block device",
        "busy": "claim busy is used by somebody",
        "x" * 50: "is too long a name",
    }.items():
        for more in ((), ("--execute",)):
            said = dr(site, name, "--to", moment, *more)
            assert said.returncode == EXIT_REFUSED and words in said.stderr, said.stderr
    assert room.api.get(room.path("jobs", group="batch/v1"))["items"] == []
    room.api.request("DELETE", room.path("pods", "somebody"))


_LOCKED = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}},
}


def begin_and_kill(site: BesideSite, room: Workspace, moment: str) -> None:
    """The command is killed when it has made the Job."""
    first = subprocess.Popen(
        command(site, CLAIM, "--to", moment, "--execute"), env=site.environment, cwd=site.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        room.eventually(lambda: room.api.get(room.path("jobs", group="batch/v1"))["items"] != [], "the Job")
    finally:
        first.kill()
        first.wait()


def folder_of_the_claim(site: BesideSite) -> Path:
    """Its disk. The lab's runner is root, and restores for whoever has the folder: the server's user."""
    folder = site.space.cluster.volumes / "claims" / RESTORE_NAMESPACE / CLAIM
    folder.mkdir(parents=True)
    if site.primary.uid is not None:
        os.chown(folder, site.primary.uid, site.primary.uid)
    return folder


def failure_is_told_and_tried_again(site: BesideSite, room: Workspace, moment: str) -> None:
    """A Job that has failed stays until somebody runs it again; then it goes, and another comes."""
    path = room.path("jobs", job_name(CLAIM), group="batch/v1")
    room.api.request("DELETE", path, {"propagationPolicy": "Background"})
    room.eventually(lambda: room.pods() == [], "the Job's Pods to go")
    failed = dr(site, CLAIM, "--to", moment, "--execute")  # the folder is not empty any more
    assert failed.returncode == EXIT_FAILED, failed.stdout + failed.stderr
    assert "is not empty: a restore never writes over data" in failed.stderr
    uid = job(room)["metadata"]["uid"]
    again = dr(site, CLAIM, "--to", moment, "--execute")
    assert again.returncode == EXIT_FAILED and "taking away the Job that failed" in again.stderr
    assert job(room)["metadata"]["uid"] != uid


def operators(site: BesideSite) -> KubernetesApi:
    return KubernetesApi(site.folder / "kubeconfig", RESTORE_NAMESPACE)


def test_the_template_never_runs(site: BesideSite) -> None:
    spec = site.declared["restore-template"]["spec"]
    assert spec["suspend"] is True and site.declared["restore-template"]["metadata"]["name"] == RESTORE_TEMPLATE
