"""Between Pulumi's property names and the service's own, by the service's request model.

Pulumi writes `rules[*].noncurrentVersionExpiration.noncurrentDays` and S3 has `Rules[].NoncurrentVersionExpiration.
NoncurrentDays`: the same names but for case, so botocore's model of the request is the table and no list is kept here.
"""

from typing import Any

from lab.providers.serving import ProviderError
from lab.providers.values import Plain


def to_request(value: Plain, shape: Any, path: str = "") -> Plain:
    """The value in the form that `shape` (a botocore shape) wants. Raises ProviderError for a name it does not have."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(value, shape, path)
    if kind == "list":
        if isinstance(value, dict) and set(getattr(shape.member, "members", {})) >= {"Key", "Value"}:
            return [{"Key": key, "Value": item} for key, item in value.items()]
        items = value if isinstance(value, list) else [value]
        return [to_request(item, shape.member, f"{path}[{index}]") for index, item in enumerate(items)]
    if kind in ("integer", "long"):
        return int(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    return value


def _structure(value: Plain, shape: Any, path: str) -> Plain:
    members = {name.lower(): name for name in shape.members}
    if isinstance(value, list) and len(members) == 1:
        (only,) = shape.members
        return {only: to_request(value, shape.members[only], path)}
    if not isinstance(value, dict):
        raise ProviderError(f"{path}: a block of properties is needed, not {value!r}")
    request: dict[str, Plain] = {}
    for key, item in value.items():
        if item is None:
            continue
        name = members.get(key.lower())
        if name is None:
            raise ProviderError(f"{path}.{key} has no counterpart in {shape.name}; the lab's handler must learn it")
        request[name] = to_request(item, shape.members[name], f"{path}.{key}")
    return request


def from_response(value: Plain) -> Plain:
    """A response in Pulumi's manner: first letters small, tag lists as maps, wrappers around one list removed."""
    if isinstance(value, dict):
        if set(value) == {"EncryptionType"}:
            return value["EncryptionType"]
        return {
            key[:1].lower() + key[1:]: from_response(item) for key, item in value.items() if key != "ResponseMetadata"
        }
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and set(item) == {"Key", "Value"} for item in value):
            return {item["Key"]: item["Value"] for item in value}
        return [from_response(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
