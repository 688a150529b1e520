"""Every Pod that runs `dr` asks EKS's agent for its own role, from the start, and nobody for the node's."""

from typing import Any

import pytest

from tests.support.pods import declared, pods
from tests.support.project import in_the_project as in_the_project  # a fixture

REGIONS = {"prod": "us-east-1", "dr": "us-west-2"}
FOLDER = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"


def runners(stack: str) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Pod and container of all that run our image."""
    return {
        name: (pod, container)
        for name, pod in pods(stack).items()
        for container in [*pod.get("initContainers", []), *pod["containers"]]
        if "dr-runner" in container["image"]
    }


@pytest.mark.parametrize(
    ("stack", "names"),
    [
        (
            "prod",
            {
                "site-guard-guard",
                "backup-postgres-full-job",
                "backup-postgres-incremental-job",
                "backup-postgres-due-job",
                "backup-redis-full-job",
                "backup-redis-snapshot-job",
                "backup-redis-due-job",
                "backup-configuration-full-job",
                "backup-configuration-due-job",
                "postgres-log-shipper-deployment",
                "wall-job",
                "prune-prod",
                "prune-dr",
            },
        ),
        (
            "dr",
            {
                "postgres-set",
                "operator-set",
                "monitor-job",
                "backup-postgres-full-job",
                "backup-postgres-incremental-job",
                "backup-postgres-due-job",
                "backup-redis-full-job",
                "backup-redis-snapshot-job",
                "backup-redis-due-job",
                "backup-configuration-full-job",
                "backup-configuration-due-job",
                "postgres-log-shipper-deployment",
                "postgres-beside-deployment",
                "restore-template",
                "prune-prod",
                "prune-dr",
            },
        ),
    ],
)
def test_a_runner_declares_what_eks_s_webhook_would_add_and_no_metadata(stack: str, names: set[str]) -> None:
    found = runners(stack)
    assert found.keys() == names
    for pod, container in found.values():
        env = {each["name"]: each.get("value") for each in container["env"]}
        assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1/credentials"
        assert env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == f"{FOLDER}/eks-pod-identity-token"
        assert env["AWS_EC2_METADATA_DISABLED"] == "true"
        assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == REGIONS[stack]
        assert env["AWS_STS_REGIONAL_ENDPOINTS"] == "regional"
        mounts = {each["name"]: each for each in container["volumeMounts"]}
        assert mounts["eks-pod-identity-token"]["mountPath"] == FOLDER
        assert mounts["eks-pod-identity-token"]["readOnly"] is True
        (volume,) = [each for each in pod["volumes"] if each["name"] == "eks-pod-identity-token"]
        (source,) = volume["projected"]["sources"]
        token = source["serviceAccountToken"]
        assert (token["audience"], token["path"]) == ("pods.eks.amazonaws.com", "eks-pod-identity-token")
        assert 600 <= token["expirationSeconds"] <= 86_400


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_every_runner_s_account_has_an_association_and_no_other_pod_has_the_token(stack: str) -> None:
    associated = {
        each.inputs["serviceAccount"] for each in declared(stack) if each.type.endswith(":PodIdentityAssociation")
    }
    assert {pod["serviceAccountName"] for pod, _ in runners(stack).values()} == associated
    for name, pod in pods(stack).items():
        if name not in runners(stack):
            assert "eks-pod-identity-token" not in str(pod)


def test_nodes_keep_their_credentials_from_their_pods() -> None:
    (template,) = [each for each in declared("dr") if each.type == "aws:ec2/launchTemplate:LaunchTemplate"]
    assert template.inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    (nodes,) = [each for each in declared("dr") if each.type == "aws:eks/nodeGroup:NodeGroup"]
    assert nodes.inputs["launchTemplate"]["id"] == f"{template.name}-id"
