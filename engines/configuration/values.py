"""The texts inside of ConfigMaps and Secrets."""

import base64
import binascii
from collections.abc import Iterator

from recovery.ports.cluster_objects import Kind, Object


def texts_of(kind: Kind, found: Object) -> Iterator[tuple[str, bytes]]:
    """Each value with where it is, for people."""
    if kind.group or kind.plural not in ("configmaps", "secrets"):
        return
    where = f"{kind.kind} {found['metadata']['name']}"
    for name, value in (found.get("data") or {}).items():
        yield f"{where}, {name}", _decoded(value) if kind.plural == "secrets" else str(value).encode()
    for name, value in (found.get("binaryData") or {}).items():
        yield f"{where}, {name}", _decoded(value)


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):  # the API server lets none pass
        return b""
