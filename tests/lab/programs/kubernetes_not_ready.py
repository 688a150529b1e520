"""A Deployment whose image nobody has."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
labels = {"app": "late"}
container: Any = {"name": "main", "image": "lab.test/nobody-has-this:1"}
k8s.apps.v1.Deployment(
    "late",
    metadata={
        "name": "late",
        "namespace": config.require("namespace"),
        "annotations": {"pulumi.com/timeoutSeconds": "5"},
    },
    spec={
        "selector": {"match_labels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    },
    opts=pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"))),
)
