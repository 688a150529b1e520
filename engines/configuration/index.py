"""What a copy of configuration has: every object and file by name, and what was left out. No content, and of a Secret
nothing but its name: not even a digest, by which somebody might try passwords."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from engines.configuration.kinds import STAGES, stage_of
from engines.streams import ADVICE
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt

INDEX = "index.json.zst"
FILES, SEALED_FILES = "files.tar.zst", "secret-files.tar.sealed.zst"
SECRETS = f"{STAGES.index('configuration') + 1}-secrets.json.sealed.zst"
_MOST = 64 * 1024 * 1024


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(_Model):
    """One object, and the part of the copy that has it."""

    part: str
    api_version: str
    kind: str
    plural: str
    namespace: str = ""
    name: str

    @property
    def group(self) -> str:
        """Of its API; empty for the core's."""
        return self.api_version.rpartition("/")[0]

    @property
    def words(self) -> str:
        """For people, as kubectl would name it."""
        kind = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{kind}/{self.name}"


class File(_Model):
    """One file of a named path."""

    path: str
    bytes: int
    sealed: bool


class Left(_Model):
    """Objects of one kind that are not in the copy, and why."""

    resource: str
    why: str
    count: int
    names: tuple[str, ...] = ()


class Index(_Model):
    """`cluster` is the uid of the one it is of; `services` are the Deployments whose replicas a promotion sets; `keys`
    open what is sealed, the DR region's first; `context` is bound to it."""

    format: Literal[1] = 1
    cluster: str
    namespace: str
    services: tuple[str, ...]
    keys: tuple[str, ...] = ()
    context: dict[str, str]
    documents: tuple[Document, ...]
    files: tuple[File, ...] = ()
    left: tuple[Left, ...] = ()

    def to_json(self) -> bytes:
        """As it is stored."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    def of(self, part: str) -> list[Document]:
        """The objects of a part, in their order."""
        return [each for each in self.documents if each.part == part]


def context_of(backup: str, cluster: str) -> dict[str, str]:
    """What is bound to every ciphertext of a copy, and what the keys' users are let in by (`recovery.access`)."""
    return {"dataset": "configuration", "backup": backup, "cluster": cluster}


def part_name(stage: str) -> str:
    """Where the objects of a stage are, Secrets aside."""
    return f"{STAGES.index(stage) + 1}-{stage}.json.zst"


def in_stages(documents: Iterable[Document]) -> list[Document]:
    """As they are put back: by stage, and within one as they were stored."""
    return sorted(documents, key=lambda each: STAGES.index(stage_of(each.group, each.plural)))


def parse_index(body: Iterable[bytes], manifest: Manifest, key: str) -> Index:
    """Raises Corrupt for what is no index, or that of another copy than `manifest`'s."""
    found = bytearray()
    for chunk in body:
        found += chunk
        if len(found) > _MOST:
            raise Corrupt(f"{key} is larger than any index", next_step=ADVICE)
    try:
        index = Index.model_validate_json(bytes(found))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise Corrupt(f"{key} is no index: {where}: {first['msg']}", next_step=ADVICE) from None
    if index.context != context_of(manifest.id, manifest.source.system_identifier):
        raise Corrupt(f"{key} is the index of another copy", next_step=ADVICE)
    stored = {name_of(part) for part in manifest.parts} - {INDEX}
    named = {each.part for each in index.documents}
    named |= {SEALED_FILES if each.sealed else FILES for each in index.files}
    if stored != named:
        odd = ", ".join(sorted(stored ^ named))
        raise Corrupt(f"{key} and its manifest do not name the same parts: {odd}", next_step=ADVICE)
    return index


def name_of(part: Part) -> str:
    """Of a part's object within its folder."""
    return part.key.rpartition("/")[2]
