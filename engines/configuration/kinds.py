"""Which kinds of object are copied, in which order they are put back, and which are nobody's configuration."""

from collections.abc import Iterable, Sequence

from recovery.ports.cluster_objects import Kind

CRDS, NAMESPACES, RIGHTS, CONFIGURATION = "crds", "namespaces", "rights", "configuration"
SERVICES, CUSTOM, WORKLOADS, WEBHOOKS = "services", "custom", "workloads", "webhooks"
STAGES = (CRDS, NAMESPACES, RIGHTS, CONFIGURATION, SERVICES, CUSTOM, WORKLOADS, WEBHOOKS)
"""In the order of a restore. A webhook that is there before what answers it refuses everything after it."""

SECRETS = ("", "secrets")
CRD_GROUP = "apiextensions.k8s.io"
CRD_PLURAL = "customresourcedefinitions"

_CORE, _RBAC, _NET = "", "rbac.authorization.k8s.io", "networking.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_STAGE = {
    (CRD_GROUP, CRD_PLURAL): CRDS,
    (_CORE, "namespaces"): NAMESPACES,
    **dict.fromkeys(
        [
            (_CORE, "serviceaccounts"),
            *((_RBAC, each) for each in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")),
        ],
        RIGHTS,
    ),
    **dict.fromkeys(
        [
            *((_CORE, each) for each in ("configmaps", "secrets", "limitranges", "resourcequotas", "podtemplates")),
            *((_CORE, each) for each in ("persistentvolumes", "persistentvolumeclaims")),
            ("scheduling.k8s.io", "priorityclasses"),
            ("node.k8s.io", "runtimeclasses"),
            *(("storage.k8s.io", each) for each in ("storageclasses", "csidrivers", "volumeattributesclasses")),
            (_NET, "ingressclasses"),
            (_NET, "networkpolicies"),
        ],
        CONFIGURATION,
    ),
    **dict.fromkeys(
        [
            *((_CORE, each) for each in ("services", "endpoints")),
            ("discovery.k8s.io", "endpointslices"),
            (_NET, "ingresses"),
        ],
        SERVICES,
    ),
    **dict.fromkeys(
        [
            *((_CORE, each) for each in ("pods", "replicationcontrollers")),
            *(("apps", each) for each in ("deployments", "statefulsets", "daemonsets", "replicasets")),
            *(("batch", each) for each in ("jobs", "cronjobs")),
            ("autoscaling", "horizontalpodautoscalers"),
            ("policy", "poddisruptionbudgets"),
        ],
        WORKLOADS,
    ),
    **dict.fromkeys(
        [
            *((_ADMISSION, each) for each in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")),
            *((_ADMISSION, each) for each in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")),
            *((_ADMISSION, each) for each in ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")),
            ("apiregistration.k8s.io", "apiservices"),
        ],
        WEBHOOKS,
    ),
}
# Within a stage in this order, the others after them by name. An autoscaler or a budget without what it is about does
# no harm, the reverse might.
_FIRST = ("priorityclasses", "storageclasses", "serviceaccounts", "roles", "clusterroles", "limitranges")
_LAST = ("statefulsets", "deployments", "jobs", "cronjobs", "pods")

MEASURED = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")
"""Groups whose objects are measurements; they are not even asked what they serve."""
_NO_CONFIGURATION = {
    (_CORE, "events"): "what happened",
    ("events.k8s.io", "events"): "what happened",
    ("coordination.k8s.io", "leases"): "who leads at this moment",
    ("coordination.k8s.io", "leasecandidates"): "who leads at this moment",
    ("apps", "controllerrevisions"): "history of a controller",
    ("storage.k8s.io", "csistoragecapacities"): "what a driver measures",
    ("networking.k8s.aws", "policyendpoints"): "its NetworkPolicy makes it",
    ("resource.k8s.io", "resourceclaims"): "what is allotted at this moment",
}


def stage_of(group: str, plural: str) -> str:
    """When an object of the kind is put back; one that nobody here knows has a definition of its own, or an API."""
    return _STAGE.get((group, plural), CUSTOM)


def why_not(kind: Kind) -> str:
    """Why no object of a kind is configuration; empty for every other."""
    return _NO_CONFIGURATION.get((kind.group, kind.plural), "")


def in_order(kinds: Iterable[Kind]) -> list[Kind]:
    """As they are put back."""

    def place(kind: Kind) -> tuple[int, int, str, str]:
        rank = _FIRST.index(kind.plural) - len(_FIRST) if kind.plural in _FIRST else 0
        rank = _LAST.index(kind.plural) + 1 if kind.plural in _LAST else rank
        return STAGES.index(stage_of(kind.group, kind.plural)), rank, kind.group, kind.plural

    return sorted(kinds, key=place)


def preferred(kinds: Sequence[Kind]) -> list[Kind]:
    """Each once, in the version that its server prefers of those that have it."""
    found: dict[tuple[str, str], Kind] = {}
    for each in kinds:
        found.setdefault((each.group, each.plural), each)
    return list(found.values())
