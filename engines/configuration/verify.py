"""Verify a copy of configuration to its last byte: every object's checksum, every line an object that the index names,
every ciphertext opened where a key may be used, and looked at from outside where none may."""

import time

from engines.configuration.archives import entries_of
from engines.configuration.contents import SEALED, Contents
from engines.configuration.index import FILES, SEALED_FILES
from engines.configuration.message import require_whole
from engines.engine import Verdict
from engines.streams import ADVICE
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt, Refused, Unreachable
from recovery.ports.buckets import ObjectStore
from recovery.ports.sealing import Opener


def verify(store: ObjectStore, manifest: Manifest, opener: Opener) -> Verdict:
    """Download and check it; nothing touches a disk. Raises Corrupt when anything is not as promised."""
    begun = time.monotonic()
    contents, opened, shut = Contents.of(store, manifest), 0, ""
    files = 0
    for name in contents.names:
        if name in SEALED:
            # From outside in any case: what a key opens says nothing of the other keys that the index promises.
            require_whole(
                contents.raw(name),
                key=contents.key(name),
                keys=contents.index.keys,
                context=contents.index.context,
            )
            try:
                files += _read(contents, name, opener)
                opened += 1
            except (Refused, Unreachable) as error:
                shut = error.what
        else:
            files += _read(contents, name, opener)
    return Verdict(
        files=files,
        bytes=manifest.stored_bytes,
        raw_bytes=manifest.raw_bytes,
        seconds=time.monotonic() - begun,
        remark=_remark(opened, shut),
    )


def _read(contents: Contents, name: str, opener: Opener) -> int:
    if name in (FILES, SEALED_FILES):
        found = {each.path for each in contents.index.files if each.sealed == (name == SEALED_FILES)}
        seen = {f"/{each.name}" for each, _ in entries_of(contents.content(name, opener), contents.key(name))}
        if seen != found:
            raise Corrupt(f"{contents.key(name)} and its index do not name the same files", next_step=ADVICE)
        return len(seen)
    return sum(1 for _ in contents.documents(name, opener))


def _remark(opened: int, shut: str) -> str:
    if shut:
        return f"what is sealed is whole and was not opened: {shut}"
    return "what is sealed was opened" if opened else "nothing in it is sealed"
