"""Pods under the lab's node agent get AWS credentials as on EKS: by their token and an association, or not at all."""

from typing import Any

import urllib3

from components import aws_identity
from lab.aws.site import Aws
from lab.kubernetes.pod_identity import PORT
from tests.lab.conftest import REGION, Object, Workspace, associate, python
from tests.support.plans import ROOT

ROLE = "arn:aws:iam::123456789012:role/ultramarket-dr-guard"
# As a guard does it: one client, made at the start.
WHO_AM_I = """
import time
from cloud.session import client
from recovery.errors import DrError
sts = client("sts", "us-west-2")
while True:
    try:
        print(sts.get_caller_identity()["Arn"])
    except DrError as error:
        print(error.what)
    time.sleep(0.2)
"""


def pod(space: Workspace, name: str, account: str, pod_aws: Aws) -> None:
    """A Pod that asks who it is, declared as our components declare theirs."""
    way = {"PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": pod_aws.endpoint("prod")}
    declared = {**aws_identity.aws_environment(REGION), **way}
    env = [{"name": key, "value": value} for key, value in declared.items()]
    volume, mount = camel(aws_identity.aws_token_volume()), camel(aws_identity.aws_token_mount())
    space.create("serviceaccounts", account)
    container = python(WHO_AM_I, env=env, volumeMounts=[mount])
    space.create("pods", name, spec={"serviceAccountName": account, "containers": [container], "volumes": [volume]})


def camel(value: Any) -> Any:
    """Pulumi's names as Kubernetes'."""
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    parts = {key: key.split("_") for key in value}
    return {first + "".join(map(str.title, rest)): camel(value[key]) for key, (first, *rest) in parts.items()}


def ask(space: Workspace, token: str) -> tuple[int, str]:
    """The node's agent."""
    url = f"http://{space.block.prod.node}:{PORT}/v1/credentials"
    answer = urllib3.request("GET", url, headers={"Authorization": token}, timeout=20, retries=False)
    return answer.status, answer.data.decode()


def token(space: Workspace, account: str, **spec: Any) -> str:
    """A token of a service account."""
    body: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return space.api.create(space.path("serviceaccounts", f"{account}/token"), body)["status"]["token"]


def test_a_pod_has_no_credentials_until_its_association_is_there_and_then_without_a_restart(
    space: Workspace, pod_aws: Aws
) -> None:
    pod(space, "early", "dr-guard", pod_aws)
    missing = f"there is no pod identity association for service account dr-guard of namespace {space.name}"
    space.eventually(lambda: missing in space.log("early"), "the Pod to find no credentials")
    associate(space, "dr-guard", ROLE)
    space.eventually(lambda: "assumed-role/ultramarket-dr-guard/" in space.log("early"), "the Pod to have its role")
    (status,) = space.pod("early")["status"]["containerStatuses"]
    assert status["restartCount"] == 0

    pod(space, "other", "somebody", pod_aws)
    space.eventually(lambda: "service account somebody" in space.log("other"), "another account to get nothing")
    assert "assumed-role" not in space.log("other")

    assert ask(space, token(space, "dr-guard", audiences=["pods.eks.amazonaws.com"]))[0] == 200
    for wrong in (token(space, "dr-guard"), "nonsense"):
        status, said = ask(space, wrong)
        assert (status, "InvalidTokenException" in said) == (400, True), said
