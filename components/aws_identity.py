"""What a Pod of ours declares to get AWS credentials by EKS Pod Identity, and never the node's.

It is what EKS's webhook would add when it admits the Pod. The webhook knows of a new association only seconds later,
lets a Pod pass that it cannot judge, and never looks at it again: a Pod that was too early stayed without credentials
for good (https://github.com/aws/eks-pod-identity-agent/issues/52). Declared here, the agent is asked from the start and
answers as soon as the association is known. The webhook adds no variable that is there, nor the volume when name,
audience and path are its own, nor a mount of that name; what is left for it is a label (`addEnvToContainer` and
`getPodSpecPatch`, https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/pkg/handler/handler.go).
"""

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

_AGENT = "http://169.254.170.23/v1/credentials"
_AUDIENCE, _NAME = "pods.eks.amazonaws.com", "eks-pod-identity-token"
_FOLDER = f"/var/run/secrets/{_AUDIENCE}/serviceaccount"
# The longest that EKS's API server grants; kubelet renews it long before.
_TOKEN_SECONDS = 86_400


def aws_environment(region: str) -> dict[str, pulumi.Input[str]]:
    """The agent, the token, the region with its own STS, and no asking EC2's metadata: what answers there is the node's
    role."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": _AGENT,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{_FOLDER}/{_NAME}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
    }


def aws_token_volume() -> "core.VolumeArgsDict":
    """The service account's token, for EKS's agent alone."""
    token: core.ServiceAccountTokenProjectionArgsDict = {
        "audience": _AUDIENCE,
        "expiration_seconds": _TOKEN_SECONDS,
        "path": _NAME,
    }
    return {"name": _NAME, "projected": {"sources": [{"service_account_token": token}]}}


def aws_token_mount() -> "core.VolumeMountArgsDict":
    """Where `aws_token_volume` appears."""
    return {"name": _NAME, "mount_path": _FOLDER, "read_only": True}
