"""The kubeconfig of an EKS cluster, as text: the same for Pulumi's provider and for people."""

import json
from typing import Any

# https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
_EXEC_API = "client.authentication.k8s.io/v1beta1"


def kubeconfig(*, name: str, endpoint: str, ca_data: str, region: str) -> str:
    """JSON (which is YAML) for one cluster; a token is fetched by `aws eks get-token`, so nothing in it is secret.

    `ca_data` is base64 of the PEM, as EKS gives it. The same arguments make the same text.
    """
    command = ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"]
    login = {"apiVersion": _EXEC_API, "command": "aws", "args": command, "interactiveMode": "Never"}
    return _text(name, endpoint, ca_data, {"exec": login})


def token_kubeconfig(*, name: str, endpoint: str, ca_data: str, token_file: str) -> str:
    """As `kubeconfig`, for a Pod of that cluster: the token is its service account's, read anew from `token_file`."""
    return _text(name, endpoint, ca_data, {"tokenFile": token_file})


def _text(name: str, endpoint: str, ca_data: str, user: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": ca_data}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        sort_keys=True,
    )
