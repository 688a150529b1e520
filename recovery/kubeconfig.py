"""The kubeconfig of an EKS cluster, as text: the same for Pulumi's provider and for people."""

import json

# https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
_EXEC_API = "client.authentication.k8s.io/v1beta1"


def kubeconfig(*, name: str, endpoint: str, ca_data: str, region: str) -> str:
    """JSON (which is YAML) for one cluster; a token is fetched by `aws eks get-token`, so nothing in it is secret.

    `ca_data` is base64 of the PEM, as EKS gives it. The same arguments make the same text.
    """
    command = ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"]
    login = {"apiVersion": _EXEC_API, "command": "aws", "args": command, "interactiveMode": "Never"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": ca_data}}],
            "users": [{"name": name, "user": {"exec": login}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        sort_keys=True,
    )
