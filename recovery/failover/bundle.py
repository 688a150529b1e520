"""The recovery bundle: what the failover engineer needs when production's region and all its state are gone.

A pure function of the dr stack's inputs and outputs, so that an unchanged stack makes an unchanged object: no time
stands in it; its age is S3's LastModified.
"""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from recovery.errors import Refused
from recovery.plan.plan import Plan
from recovery.units import is_port


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClusterAccess(_Model):
    """How to reach the DR cluster's API, and how to know that it is the right one."""

    name: str
    endpoint: str
    ca_data: str


class Endpoints(_Model):
    """Host names (with port) of both edges, and the DR site's databases as seen from inside. `redis` and the gate to it
    are empty where none waits for a promotion."""

    prod_edge: str
    dr_edge: str
    standby: str
    gate: str
    redis: str = ""
    redis_gate: str = ""

    @field_validator("*")
    @classmethod
    def _port(cls, address: str) -> str:
        port = address.rpartition(":")[2] if ":" in address else ""
        if port and not is_port(port):
            raise ValueError(f"expected a port from 1 to 65535, found {port[:20]!r}")
        return address


class Bundle(_Model):
    """Format 1. `digest` covers every other field. `assets_bucket`: production's static assets, when copied."""

    format: Literal[1] = 1
    account: str = Field(pattern=r"^[0-9]{12}$")
    region: str
    namespace: str
    control_table: str
    backup_bucket: str
    marker_bucket: str
    cluster: ClusterAccess
    endpoints: Endpoints
    system_identifier: str | None = None
    assets_bucket: str = ""
    plan: Plan
    digest: str = ""

    def content_digest(self) -> str:
        """SHA-256 over the canonical content without `digest`."""
        # Bundles of before there was an `assets_bucket` stay what they are.
        left_out = {"digest"} if self.assets_bucket else {"digest", "assets_bucket"}
        value = self.model_dump(mode="json", exclude=left_out)
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """The object's content, sealed with its digest."""
        sealed = self.model_copy(update={"digest": self.content_digest()})
        value = sealed.model_dump(mode="json", exclude=None if self.assets_bucket else {"assets_bucket"})
        return json.dumps(value, sort_keys=True, indent=1) + "\n"


def read_bundle(body: bytes, *, source: str) -> Bundle:
    """Read and check a bundle. Raises Refused when it is not one, or was altered."""
    advice = "run `pulumi up` on the dr stack to write it again, or name another copy with --bundle"
    try:
        bundle = Bundle.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(
            f"{source} is not a recovery bundle: {where or 'content'}: {first['msg']}", next_step=advice
        ) from None
    if bundle.digest != bundle.content_digest():
        raise Refused(f"{source} was altered after it was written: its digest does not match", next_step=advice)
    return bundle
