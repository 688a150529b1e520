"""Configuration as files: to be read, compared with another copy's, and applied by kubectl a folder after the other."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from engines import restoring
from engines.configuration.archives import entries_of
from engines.configuration.contents import SEALED, Contents
from engines.configuration.index import FILES, INDEX, SEALED_FILES, SECRETS, Document
from engines.streams import ADVICE
from engines.target import Stages, beside, require_target, sync
from recovery.copies.moments import moment_of
from recovery.errors import Corrupt
from recovery.ports.sealing import Opener

_OBJECTS, _OF_CLUSTER = "objects", "_cluster"


@dataclass(frozen=True, kw_only=True)
class Restored(restoring.Restored):
    """A folder `objects`, and beside it what is not opened. `kept`: what stays a ciphertext."""

    moment: datetime
    kept: tuple[str, ...]

    @property
    def words(self) -> str:
        """How far it got, for people."""
        return f"as of {self.moment:%Y-%m-%d %H:%M:%S} UTC"

    def next_step(self, into: Path) -> str:
        """What to do with it now."""
        read = f"read {into / _OBJECTS}, or compare it with another copy's (diff -r)"
        how = "`dr restore configuration --apply` puts it into a cluster in the right order"
        return f"{read}; {how}" + (f"; still sealed: {', '.join(self.kept)}" if self.kept else "")

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {"as_of": self.moment.isoformat(), "sealed": list(self.kept)}


def restore(
    contents: Contents,
    into: Path,
    *,
    opener: Opener | None,
    owner: int | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Write the copy into the empty folder `into`. Without an `opener` what is sealed is written as it is stored.

    Raises Corrupt for a damaged copy, Refused where no key may be used; `into` then is what it was.
    """
    require_target(into)
    stages, kept = Stages(heard), list[str]()
    with beside(into, owner) as partial:
        data = partial / "data"
        data.mkdir(mode=0o700)
        with stages.stage("unpack and check"):
            for name in contents.names:
                if name in SEALED and opener is None:
                    kept.append(name.removesuffix(".zst"))
                    _write(data / kept[-1], contents.raw(name))
                elif name in (FILES, SEALED_FILES):
                    _unpack(contents, name, opener or _Shut(), data / "files")
                else:
                    for entry, found in contents.documents(name, opener or _Shut()):
                        path = data / _place(entry)
                        path.parent.mkdir(parents=True, exist_ok=True)
                        text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True)
                        _write(path, iter([text.encode()]), mode=0o600 if name == SECRETS else 0o644)
            _write(data / INDEX.removesuffix(".zst"), contents.raw(INDEX))
        with stages.stage("finish"):
            paths = [path for path in data.rglob("*") if not path.is_dir() or path.is_symlink()]
            if owner is not None:
                for path in (data, *data.rglob("*")):
                    os.chown(path, owner, owner, follow_symlinks=False)
            sync(data)
            if into.is_dir():
                into.rmdir()
            data.rename(into)
            sync(into.parent)
    return Restored(
        files=len(paths),
        bytes=contents.manifest.raw_bytes,
        seconds=stages.seconds,
        moment=moment_of(contents.manifest),
        kept=tuple(kept),
    )


class _Shut:
    """For what is not sealed."""

    def open(self, *_: Any, **__: Any) -> Iterator[bytes]:
        raise AssertionError("nothing sealed is read without a key")


def _place(entry: Document) -> Path:
    """By stage, then namespace, kind, name: so a diff is by object, and kubectl finds an order."""
    for part in (entry.namespace, entry.plural, entry.group, entry.name):
        if "/" in part or part in (".", ".."):
            raise Corrupt(f"the index names {entry.words!r}, which no cluster can have", next_step=ADVICE)
    stage = entry.part.split(".")[0]
    kind = f"{entry.plural}.{entry.group}" if entry.group else entry.plural
    return Path(_OBJECTS, stage, entry.namespace or _OF_CLUSTER, kind, f"{entry.name}.yaml")


def _write(path: Path, chunks: Iterator[bytes], mode: int = 0o644) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123  (a handle)
        for chunk in chunks:
            file.write(chunk)


def _unpack(contents: Contents, name: str, opener: Opener, into: Path) -> None:
    """Files and links only, at or below `into`, whatever the archive says."""
    expected = {each.path for each in contents.index.files if each.sealed == (name == SEALED_FILES)}
    for entry, content in entries_of(contents.content(name, opener), contents.key(name)):
        path = into / entry.name
        if f"/{entry.name}" not in expected or ".." in path.parts or not (entry.isreg() or entry.issym()):
            raise Corrupt(f"{contents.key(name)} has {entry.name!r}, which its index does not name", next_step=ADVICE)
        expected.discard(f"/{entry.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.issym():
            # A link could lead what follows out of the folder: it is told instead of made.
            path = path.with_name(f"{path.name}.link")
            content = iter([f"{entry.linkname}\n".encode()])
        _write(path, content, mode=0o600 if name == SEALED_FILES else 0o644)
    if expected:
        raise Corrupt(f"{contents.key(name)} lacks {min(expected)}, which its index names", next_step=ADVICE)
