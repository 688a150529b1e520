"""The lab's control plane is a real one: certificates, users, admission, and a life after being killed."""

import base64
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from lab.kubernetes.api import Api, ApiError
from lab.kubernetes.control_plane import Cluster
from lab.machine.addresses import Block
from lab.machine.processes import wait_until
from tests.lab.conftest import Workspace, is_ready, python

FOREVER = "import signal; signal.pause()"


def test_ca_data_verifies_the_endpoint_and_a_call_without_token_is_refused(site: tuple[Cluster, Block]) -> None:
    cluster, _ = site
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster.ca_data).decode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{cluster.endpoint}/api/v1/nodes", context=trust, timeout=10)  # noqa: S310  https
    # Verified, or there would be no answer at all; then refused for want of a token.
    assert refused.value.code in (401, 403)


def test_an_extra_token_is_its_own_user_with_its_groups_and_no_rights(site: tuple[Cluster, Block]) -> None:
    robot = site[0].api("robot")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    # Everybody may ask who they are, by a built-in role that the API server makes in its first seconds.
    wait_until(lambda: succeeds(lambda: robot.create(reviews, review)), what="the built-in roles")
    who = robot.create(reviews, review)["status"]["userInfo"]
    assert (who["username"], "robots" in who["groups"]) == ("robot", True)
    with pytest.raises(ApiError, match="forbidden"):
        robot.get("/api/v1/nodes")


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except ApiError:
        return False
    return True


def test_an_unknown_user_has_no_kubeconfig(site: tuple[Cluster, Block]) -> None:
    with pytest.raises(KeyError, match="nobody is not a user of cluster prod"):
        site[0].kubeconfig("nobody")


def test_restricted_pod_security_refuses_a_pod_that_may_run_as_root(space: Workspace, admin: Api) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    admin.merge(f"/api/v1/namespaces/{space.name}", {"metadata": {"labels": labels}})
    with pytest.raises(ApiError, match="violates PodSecurity"):
        space.create("pods", "careless", spec={"containers": [python(FOREVER)]})


def test_a_killed_cluster_comes_back_with_its_objects_and_runs_its_pods_again(space: Workspace) -> None:
    space.create("pods", "keeper", spec={"containers": [python(FOREVER)]})
    space.eventually(lambda: is_ready(space.pod("keeper")), "the Pod to run")
    address = space.pod("keeper")["status"]["podIP"]
    space.cluster.kill()
    with pytest.raises(ApiError) as lost:
        space.pod("keeper")
    assert lost.value.status == 0
    space.cluster.restart()

    def restarted() -> bool:
        pod = space.pod("keeper")
        return is_ready(pod) and pod["status"]["containerStatuses"][0]["restartCount"] == 1

    space.eventually(restarted, "the Pod to run again")
    assert space.pod("keeper")["status"]["podIP"] == address
