"""What of an object is its own and what its cluster has put there; and whether it is to be kept at all. Pure.

What a cluster decides anew, in another cluster is wrong: https://github.com/vmware-tanzu/velero/issues/2810
"""

from collections.abc import Mapping
from typing import Any

from recovery.ports.cluster_objects import Kind, Object

_METADATA = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
)
_ANNOTATIONS = (
    # All of an applied object once more: of a Secret, its content.
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)
_OF_A_JOB = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
_TOKENS = "kubernetes.io/service-account-token"
_MIRRORED = "endpointslice.kubernetes.io/managed-by"
_ENDPOINTS = "endpoints.kubernetes.io/managed-by"
_LEADER = "control-plane.alpha.kubernetes.io/leader"


def why_left(kind: Kind, found: Object) -> str:
    """Why an object is not stored; empty for one that is."""
    own: Mapping[str, Any] = found["metadata"]
    labels, annotations = own.get("labels") or {}, own.get("annotations") or {}
    owner = next((each for each in own.get("ownerReferences") or () if each.get("controller")), None)
    what = (kind.group, kind.plural)
    if owner:
        return f"its {owner['kind']} makes it"
    if own.get("deletionTimestamp"):
        return "it is being deleted"
    if what == ("", "secrets") and found.get("type") == _TOKENS:
        return "a token of this cluster alone"
    if what == ("", "configmaps") and own["name"] == "kube-root-ca.crt":
        return "every cluster makes its own"
    if _LEADER in annotations:
        return "who leads at this moment"
    # Slices of a Service are its own already; those that mirror Endpoints, and Endpoints of a selector, say who made
    # them.
    if what == ("discovery.k8s.io", "endpointslices") and labels.get(_MIRRORED, "").endswith(".k8s.io"):
        return "its Service makes it"
    if what == ("", "endpoints") and (_ENDPOINTS in labels or not found.get("subsets")):
        return "its Service makes it"
    return ""


def clean(kind: Kind, found: Object) -> dict[str, Any]:
    """The object as it can be applied elsewhere."""
    own = {name: value for name, value in found["metadata"].items() if name not in _METADATA}
    annotations = own.pop("annotations", None) or {}
    if kept := {name: value for name, value in annotations.items() if name not in _ANNOTATIONS}:
        own["annotations"] = kept
    rest = {name: value for name, value in found.items() if name not in ("metadata", "status", "apiVersion", "kind")}
    made = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": own, **rest}
    if cleaner := _CLEANERS.get((kind.group, kind.plural)):
        cleaner(made)
    return made


def _service(made: dict[str, Any]) -> None:
    spec = made["spec"] = dict(made["spec"])
    if spec.get("clusterIP") != "None":  # headless is a decision, an address is not
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    for name in ("healthCheckNodePort", "ipFamilies"):
        spec.pop(name, None)
    if spec.get("ipFamilyPolicy") == "SingleStack":
        del spec["ipFamilyPolicy"]
    if "ports" in spec:
        spec["ports"] = [{name: value for name, value in each.items() if name != "nodePort"} for each in spec["ports"]]


def _claim(made: dict[str, Any]) -> None:
    """The volume behind it is in the other cluster."""
    made["spec"] = {name: value for name, value in made["spec"].items() if name != "volumeName"}
    _without_finalizers(made, "kubernetes.io/pvc-protection")


def _volume(made: dict[str, Any]) -> None:
    made["spec"] = {name: value for name, value in made["spec"].items() if name != "claimRef"}
    _without_finalizers(made, "kubernetes.io/pv-protection", "external-provisioner.volume.kubernetes.io/finalizer")


def _service_account(made: dict[str, Any]) -> None:
    made.pop("secrets", None)  # its tokens


def _namespace(made: dict[str, Any]) -> None:
    made.pop("spec", None)  # finalizers of the namespace controller


def _job(made: dict[str, Any]) -> None:
    """What the controller wrote into an own selector and its template would let it count another Job's Pods."""
    spec = made["spec"] = dict(made["spec"])
    if not spec.get("manualSelector"):
        spec.pop("selector", None)
        for each in (made, spec["template"]):
            metadata = each.get("metadata") or {}
            kept = {name: value for name, value in (metadata.get("labels") or {}).items() if name not in _OF_A_JOB}
            each["metadata"] = {
                **{n: v for n, v in metadata.items() if n != "labels"},
                **({"labels": kept} if kept else {}),
            }


def _pod(made: dict[str, Any]) -> None:
    """Node, and the token that admission mounted."""
    spec = made["spec"] = {name: value for name, value in made["spec"].items() if name != "nodeName"}
    token = {each["name"] for each in spec.get("volumes") or () if each["name"].startswith("kube-api-access-")}
    if token:
        spec["volumes"] = [each for each in spec["volumes"] if each["name"] not in token]
        for part in ("containers", "initContainers"):
            spec[part] = [
                {**each, "volumeMounts": [m for m in each.get("volumeMounts") or () if m["name"] not in token]}
                for each in spec.get(part) or ()
            ]


def _template(made: dict[str, Any]) -> None:
    """`creationTimestamp: null` of a Pod template, as typed clients write it."""
    template = made["spec"]["template"]
    metadata = {name: value for name, value in (template.get("metadata") or {}).items() if value is not None}
    annotations = {n: v for n, v in (metadata.pop("annotations", None) or {}).items() if n not in _ANNOTATIONS}
    if annotations:
        metadata["annotations"] = annotations
    made["spec"] = {**made["spec"], "template": {**template, "metadata": metadata}}


def _without_finalizers(made: dict[str, Any], *names: str) -> None:
    kept = [each for each in made["metadata"].get("finalizers") or () if each not in names]
    made["metadata"] = {n: v for n, v in made["metadata"].items() if n != "finalizers"} | (
        {"finalizers": kept} if kept else {}
    )


_CLEANERS = {
    ("", "services"): _service,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _volume,
    ("", "serviceaccounts"): _service_account,
    ("", "namespaces"): _namespace,
    ("", "pods"): _pod,
    ("batch", "jobs"): _job,
    **{("apps", each): _template for each in ("deployments", "statefulsets", "daemonsets", "replicasets")},
}
