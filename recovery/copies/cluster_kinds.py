"""Kinds of Kubernetes' own, in a namespace, that are copied with configuration: by API group, the core's empty.

Whoever copies them may list these and what the plan names; any other kind that a cluster serves fails the copy.
"""

NAMESPACED: dict[str, tuple[str, ...]] = {
    "": (
        "configmaps",
        "endpoints",
        "limitranges",
        "persistentvolumeclaims",
        "pods",
        "podtemplates",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "serviceaccounts",
        "services",
    ),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "discovery.k8s.io": ("endpointslices",),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("rolebindings", "roles"),
    "resource.k8s.io": ("resourceclaimtemplates",),
    "vpcresources.k8s.aws": ("securitygrouppolicies",),  # of every EKS cluster
}
