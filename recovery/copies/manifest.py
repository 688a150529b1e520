"""A backup is its manifest: written last, once, and complete. No manifest, no backup."""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from recovery.errors import Corrupt
from recovery.names import backup_folder, folder_of
from recovery.plan.plan import SiteName

_DIGEST = "digest"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Model):
    """One object of the backup. `sha256` is of the stored bytes, hexadecimal; `raw_bytes` before compression.

    Of a stream that goes on in several objects only the sum of `raw_bytes` is exact: whoever compresses elsewhere does
    not say where in the stream an object ends.
    """

    key: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    raw_bytes: int = Field(ge=0)


class Source(_Model):
    """Where the backup was taken from. `system_identifier` tells it from every other source of the dataset; timeline
    and database are for those that have them; `product`: which program, where a dataset may be in several."""

    site: SiteName
    epoch: int
    system_identifier: str
    timeline: int | None = None
    server_version: str
    database: str = ""
    product: str = ""


class Tablespace(_Model):
    """A directory of the source beside its data directory. Its archive is named by `oid`."""

    oid: int = Field(gt=0)
    location: str


class Manifest(_Model):
    """Everything needed to restore and to judge one backup.

    `data_format`: what a server must be able to read, where versions differ. `as_of`: the moment that the data is of,
    by the source's clock, where it is said.
    """

    format: Literal[1] = 1
    dataset: str
    kind: str
    id: str
    started: AwareDatetime
    finished: AwareDatetime
    source: Source
    start_position: str
    stop_position: str
    compression: Literal["zstd"] = "zstd"
    parts: tuple[Part, ...] = Field(min_length=1)
    tablespaces: tuple[Tablespace, ...] = ()
    data_format: str = ""
    as_of: AwareDatetime | None = None
    tools: dict[str, str]
    parent: str | None = None
    plan_digest: str
    retain_until: AwareDatetime
    remarks: tuple[str, ...] = ()
    """What whoever reads it should know: what was left out, and why."""
    withheld: str = ""
    """Why `latest` does not name it, although all of it is there; empty for every other."""
    documents: dict[str, int] = {}
    """Of a dataset that counts in documents: how many each of its collections has."""
    resume_token: str = ""
    """Of a dataset with a stream of changes: by which that goes on after `start_position`."""

    @property
    def stored_bytes(self) -> int:
        """Size in the bucket, in bytes."""
        return sum(part.bytes for part in self.parts)

    @property
    def raw_bytes(self) -> int:
        """Size before compression, in bytes."""
        return sum(part.raw_bytes for part in self.parts)

    @property
    def folder(self) -> str:
        """Where it lies, by what it says of itself."""
        return backup_folder(
            self.dataset,
            self.kind,
            epoch=self.source.epoch,
            source=self.source.system_identifier,
            started=self.started,
            run=self.id.rsplit("-", 1)[-1],
        )

    def to_json(self) -> bytes:
        """The object's content: what it says, and the digest of that."""
        content = self.model_dump(mode="json")
        return json.dumps(content | {_DIGEST: _digest(content)}, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, *, key: str) -> "Manifest":
        """Read a manifest. Raises Corrupt naming `key` when it is not one, or says something else than was written."""
        try:
            content: dict[str, Any] = from_json(body)
            digest = content.pop(_DIGEST, None)
            manifest = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "content"
            raise _not_valid(key, f"{where}: {first['msg']}") from None
        except ValueError as error:  # JSON or UTF-8
            raise _not_valid(key, f"content: {error}") from None
        except (AttributeError, TypeError):
            raise _not_valid(key, "content: it is no object") from None
        if digest != _digest(content):
            raise _not_valid(key, f"{_DIGEST}: it is not that of the rest")
        return manifest


def _digest(content: dict[str, Any]) -> str:
    """SHA-256 of everything else, however it is laid out: bytes that rot are found in what no part's own sum covers."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _not_valid(key: str, what: str) -> Corrupt:
    return Corrupt(
        f"manifest {key} is not valid: {what}",
        next_step="restore from an older backup (`dr backups`), and find out who wrote this object",
    )


class Pointer(_Model):
    """The newest backup of a kind in one epoch. Each epoch has a pointer of its own, so a pointer of a higher epoch is
    never moved by a lower one, not even by S3's replication, which knows nothing of epochs."""

    manifest_key: str
    epoch: int
    finished: AwareDatetime

    @property
    def folder(self) -> str:
        """Of the backup that it names."""
        return folder_of(self.manifest_key)

    def superseded_by(self, epoch: int, finished: datetime) -> bool:
        """Whether a backup of `epoch` that finished at `finished` is newer than what this names."""
        return (epoch, finished) > (self.epoch, self.finished)
