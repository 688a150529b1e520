"""A cluster's objects in memory, and a cipher that is none, in the form of the real one."""

import copy
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from recovery.errors import Corrupt, Refused, Unreachable
from recovery.ports.cluster_objects import Applied, Kind, Object
from recovery.ports.sealing import Context, Sealed

PROD_UID, DR_UID = "11111111-prod", "22222222-dr"
NAMESPACE = "ultramarket-production"
KEYS = (
    "arn:aws:kms:us-west-2:123456789012:key/dr",
    "arn:aws:kms:us-east-1:123456789012:key/prod",
)
_FRAME = 64


def kind(resource: str, name: str, *, version: str = "v1", namespaced: bool = True, listed: bool = True) -> Kind:
    """`resource` as RBAC names it."""
    plural, _, group = resource.partition(".")
    return Kind(group=group, version=version, plural=plural, kind=name, namespaced=namespaced, listed=listed)


KINDS = (
    kind("namespaces", "Namespace", namespaced=False),
    kind("configmaps", "ConfigMap"),
    kind("secrets", "Secret"),
    kind("services", "Service"),
    kind("serviceaccounts", "ServiceAccount"),
    kind("pods", "Pod"),
    kind("events", "Event"),
    kind("persistentvolumeclaims", "PersistentVolumeClaim"),
    kind("deployments.apps", "Deployment"),
    kind("replicasets.apps", "ReplicaSet"),
    kind("cronjobs.batch", "CronJob"),
    kind("jobs.batch", "Job"),
    kind("roles.rbac.authorization.k8s.io", "Role"),
    kind("rolebindings.rbac.authorization.k8s.io", "RoleBinding"),
    kind("storageclasses.storage.k8s.io", "StorageClass", namespaced=False),
    kind("customresourcedefinitions.apiextensions.k8s.io", "CustomResourceDefinition", namespaced=False),
    kind("localsubjectaccessreviews.authorization.k8s.io", "LocalSubjectAccessReview", listed=False),
)
CUSTOM = kind("shops.ultramarket.example", "Shop")
DEFINITION: dict[str, Any] = {
    "metadata": {"name": "shops.ultramarket.example"},
    "spec": {
        "group": "ultramarket.example",
        "names": {"plural": "shops", "kind": "Shop"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
    "status": {"conditions": [{"type": "Established", "status": "True"}]},
}


class FakeObjects:
    """`recovery.ports.ClusterObjects`. `served` is what it serves, `broken` groups that it cannot list; `owned` says of
    an object by resource/name whose field an apply would take. `applied` are those that were kept, in order."""

    def __init__(self, uid: str = PROD_UID, *, namespace: str = NAMESPACE, more: Iterable[Kind] = ()) -> None:
        self._uid = uid
        self.served = [*KINDS, *more]
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.broken: set[str] = set()
        self.refusing: dict[str, str] = {}
        self.owned: dict[str, str] = {}
        self.applied: list[str] = []
        self.lists = 0
        self.add("namespaces", namespace, namespaced=False)

    def add(self, resource: str, name: str, *, namespaced: bool = True, **body: Any) -> dict[str, Any]:
        """An object as its cluster shows it; `metadata` in `body` is put beside its name."""
        own = {
            "name": name,
            "uid": os.urandom(4).hex(),
            "resourceVersion": "7",
            "creationTimestamp": "2026-11-30T00:00:00Z",
            "managedFields": [{"manager": "kubectl"}],
            **({"namespace": NAMESPACE} if namespaced else {}),
            **body.pop("metadata", {}),
        }
        found = {"metadata": own, **body}
        self.objects[resource, own.get("namespace", ""), name] = found
        return found

    def server(self) -> str:
        return "https://cluster.example"

    def uid(self) -> str:
        return self._uid

    def version(self) -> str:
        return "1.36.1"

    def kinds(self, *, but: Collection[str] = ()) -> tuple[Kind, ...]:
        if wrong := self.broken - set(but):
            raise Unreachable(f"the cluster's API cannot say what it serves of {', '.join(sorted(wrong))}/v1")
        return tuple(self.served)

    def list(self, kind: Kind, namespace: str = "") -> Iterator[Object]:
        self.lists += 1
        if kind.resource in self.refusing:
            raise Refused(f"the cluster does not let us list {kind.resource}: {self.refusing[kind.resource]}")
        for (resource, place, _), found in sorted(self.objects.items()):
            if resource == kind.resource and place == namespace:
                yield {**copy.deepcopy(found), "apiVersion": kind.api_version, "kind": kind.kind}

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return copy.deepcopy(self.objects.get((kind.resource, namespace, name)))

    def apply(self, kind: Kind, document: Object, *, trial: bool) -> Applied:
        own = document["metadata"]
        place = (kind.resource, own.get("namespace", ""), own["name"])
        if owner := self.owned.get(f"{kind.resource}/{own['name']}"):
            return Applied(owned=owner)
        if place[1] and ("namespaces", "", place[1]) not in self.objects:
            return Applied(absent=True)
        there = self.objects.get(place, {"metadata": {}})
        made = _merged(there, {name: value for name, value in document.items() if name not in ("apiVersion", "kind")})
        if made == there:
            return Applied(object=made)
        if not trial:
            self.applied.append(f"{kind.resource}/{own['name']}")
            self.objects[place] = made
            if kind.plural == "customresourcedefinitions":
                made["status"] = DEFINITION["status"]
                spec = made["spec"]
                self.served.append(
                    Kind(
                        spec["group"], spec["versions"][0]["name"], spec["names"]["plural"], spec["names"]["kind"], True
                    )
                )
        return Applied(object=made)


def _merged(there: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(there)
    for name, value in document.items():
        before = found.get(name)
        found[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return found


def message(content: bytes, context: Context, keys: Iterable[str] = KEYS) -> bytes:
    """In the form of the AWS Encryption SDK's; what should be encrypted is upside down."""

    def sized(text: str | bytes) -> bytes:
        raw = text.encode() if isinstance(text, str) else text
        return len(raw).to_bytes(2, "big") + raw

    named = list(keys)
    pairs = len(context).to_bytes(2, "big") + b"".join(sized(n) + sized(v) for n, v in sorted(context.items()))
    made = bytearray(b"\x02\x04\x78" + bytes(32) + sized(pairs) + len(named).to_bytes(2, "big"))
    for each in named:
        made += sized("aws-kms") + sized(each) + sized(b"data key")
    made += b"\x02" + _FRAME.to_bytes(4, "big") + bytes(32 + 16)
    turned = content[::-1]
    number = 1
    while len(turned) > _FRAME:
        made += number.to_bytes(4, "big") + bytes(12) + turned[:_FRAME] + bytes(16)
        turned, number = turned[_FRAME:], number + 1
    return bytes(
        made + b"\xff" * 4 + number.to_bytes(4, "big") + bytes(12) + len(turned).to_bytes(4, "big") + turned + bytes(16)
    )


@dataclass
class FakeKeys:
    """Sealer and opener. `usable`: keys that may be used; without production's it is missing from what is sealed."""

    usable: set[str] = field(default_factory=lambda: set(KEYS))
    opened: list[str] = field(default_factory=list[str])
    _kept: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])

    def seal(self, chunks: Iterable[bytes], context: Context) -> Sealed:
        if KEYS[0] not in self.usable:
            raise Refused(f"KMS refuses GenerateDataKey of {KEYS[0]}")
        keys = tuple(each for each in KEYS if each in self.usable)
        content = b"".join(chunks)
        made = message(content, context, keys)
        self._kept[made] = content
        missing = "" if len(keys) == len(KEYS) else "the key of production's region does not open its Secrets: silent"
        return Sealed(chunks=iter([made]), keys=keys, missing=missing)

    def open(self, source: Callable[[], Iterable[bytes]], keys: Iterable[str], context: Context) -> Iterator[bytes]:
        key = next((each for each in keys if each in self.usable), None)
        if key is None:
            raise Refused("KMS refuses Decrypt of every key")
        self.opened.append(key)
        sealed = b"".join(source())
        if sealed not in self._kept:
            raise Corrupt("the ciphertext was changed, or is cut off")
        yield self._kept[sealed]
