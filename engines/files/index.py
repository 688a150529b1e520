"""The index of a copy: a line for every file, folder and symbolic link, in the order of a walk from the root down.

JSON lines in zstd. The first line says what it is; the second is the root. A name that is no UTF-8 stands in
`path_base64` instead of `path`, and a link's target likewise. docs/restore-by-hand.md reads it without us.
"""

import json
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, cast

from engines.streams import ADVICE, checked, decompressed
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt
from recovery.names import pack_key
from recovery.ports.buckets import ObjectStore

INDEX = "index.jsonl.zst"
FORMAT = 1
DEEPEST = 256
"""Folders above a file, at most: each is held open while its content is walked."""
Kind = Literal["folder", "file", "link"]
_KINDS: dict[str, Kind] = {"folder": "folder", "file": "file", "link": "link"}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"-?\d{1,12}\.\d{9}")
_ROOT = b"."
_EMPTY = sha256().hexdigest()


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file: `bytes` of what pack `pack` unpacks to, from `offset` on."""

    pack: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was found at `path` below the root, which itself is empty.

    Times are seconds since 1970 with nine digits. A file's content is its `pieces`, one after another, whose SHA-256 is
    `sha256`. `same`: another path of the same file, a hard link; `links`: how many there were. `sparse`: of a file
    with holes, how many bytes are none. `unsteady`: it changed while it was read. `attributes`: names of extended
    attributes, which are not kept. `target`: where a symbolic link points.
    """

    path: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime: str
    ctime: str = ""
    inode: int = 0
    size: int = 0
    sha256: str = ""
    pieces: tuple[Piece, ...] = ()
    target: bytes = b""
    links: int = 1
    same: bytes = b""
    sparse: int | None = None
    unsteady: bool = False
    attributes: tuple[str, ...] = ()

    @property
    def mtime_ns(self) -> int:
        """For os.utime."""
        seconds, _, fraction = self.mtime.partition(".")
        return int(seconds) * 1_000_000_000 + int(fraction)

    def to_line(self) -> bytes:
        """One line of the index."""
        value: dict[str, Any] = _named("path", self.path or _ROOT)
        value |= {"kind": self.kind, "mode": f"{self.mode:04o}", "uid": self.uid, "gid": self.gid, "mtime": self.mtime}
        if self.kind == "file":
            value |= {"ctime": self.ctime, "inode": self.inode, "size": self.size, "sha256": self.sha256}
            value["pieces"] = [{"pack": each.pack, "offset": each.offset, "bytes": each.bytes} for each in self.pieces]
        if self.kind == "link":
            value |= _named("target", self.target)
        if self.links > 1:
            value["links"] = self.links
        if self.same:
            value |= _named("same", self.same)
        if self.sparse is not None:
            value["sparse"] = self.sparse
        if self.unsteady:
            value["unsteady"] = True
        if self.attributes:
            value["attributes"] = self.attributes
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        """The inverse. Raises ValueError, KeyError or TypeError for what is none."""
        value = cast("dict[str, Any]", json.loads(line))
        path, kind = _bytes_of(value, "path"), _KINDS[value["kind"]]
        entry = cls(
            path=b"" if path == _ROOT else path,
            kind=kind,
            mode=int(value["mode"], 8),
            uid=_number(value["uid"]),
            gid=_number(value["gid"]),
            mtime=_matching(_TIME, value["mtime"]),
            ctime=_matching(_TIME, value["ctime"]) if kind == "file" else "",
            inode=_number(value["inode"]) if kind == "file" else 0,
            size=_number(value["size"]) if kind == "file" else 0,
            sha256=_matching(_DIGEST, value["sha256"]) if kind == "file" else "",
            pieces=tuple(
                Piece(_matching(_DIGEST, each["pack"]), _number(each["offset"]), _number(each["bytes"]))
                for each in value.get("pieces", ())
            ),
            target=_bytes_of(value, "target") if kind == "link" else b"",
            links=_number(value.get("links", 1)),
            same=_bytes_of(value, "same") if "same" in value or "same_base64" in value else b"",
            sparse=_number(value["sparse"]) if "sparse" in value else None,
            unsteady=value.get("unsteady") is True,
            attributes=tuple(str(each) for each in value.get("attributes", ())),
        )
        if entry.mode != stat.S_IMODE(entry.mode):
            raise ValueError("mode")
        if sum(each.bytes for each in entry.pieces) != entry.size or any(each.bytes == 0 for each in entry.pieces):
            raise ValueError("pieces")
        if kind == "file" and not entry.size and entry.sha256 != _EMPTY:
            raise ValueError("sha256 of an empty file")
        return entry


def header(root: str) -> bytes:
    """The first line."""
    return json.dumps({"format": FORMAT, "index_of": "files", "root": root}).encode() + b"\n"


def order(path: bytes) -> list[bytes]:
    """By this a walk's paths are sorted: a folder before what is in it."""
    return path.split(b"/") if path else []


def shown(path: bytes) -> str:
    """A path in a message: on one line, whatever is in it."""
    text = path.decode("utf-8", "backslashreplace") or "."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def index_parts(manifest: Manifest) -> list[Part]:
    """The index, which lies in the copy's own folder."""
    return [part for part in manifest.parts if part.key.startswith(manifest.folder)]


def entries_of(store: ObjectStore, manifest: Manifest) -> Iterator[Entry]:
    """Every entry of a copy's index, in order. What is yielded counts only when the end was reached: the checksum of
    the whole comes last. Raises Corrupt for anything that is no index, or names what must not be written."""
    key = manifest.folder + INDEX
    stored = (
        chunk
        for part in index_parts(manifest)
        for chunk in checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)
    )
    packs = {part.key: part.raw_bytes for part in manifest.parts}
    yield from _checked(_lines(decompressed(stored, key)), key, packs)


def _checked(lines: Iterable[bytes], key: str, packs: dict[str, int]) -> Iterator[Entry]:
    """Entries that together are one tree: every one lies in a folder that came before it, none twice."""
    above: list[bytes] = []  # the folders around the last entry
    before: list[bytes] | None = None
    linked: dict[bytes, tuple[str, int]] = {}
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            if number == 1:
                _require_header(line)
                continue
            entry = Entry.from_line(line)
            names = order(entry.path)
            _require(before is not None or (not names and entry.kind == "folder"), "the root does not come first")
            _require(
                all(name and name not in (b".", b"..") and b"\0" not in name for name in names), "a path is unsafe"
            )
            _require(before is None or names > before, "paths are not in their order")
            _require(len(names) <= DEEPEST, "a path is too deep")
            del above[len(names) - 1 if names else 0 :]
            _require(len(above) == max(0, len(names) - 1) and above == names[:-1], "a path lies in no folder")
            for piece in entry.pieces:
                size = packs.get(pack_key(piece.pack))
                _require(size is not None and piece.offset + piece.bytes <= size, "a piece lies in no pack of the copy")
            if entry.same:
                _require(linked.get(entry.same) == (entry.sha256, entry.size), "a hard link is to no file before it")
            elif entry.links > 1:
                linked[entry.path] = entry.sha256, entry.size
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Corrupt(f"{key} is no index: line {number:,}: {error}", next_step=ADVICE) from None
        if entry.kind == "folder" and names:
            above.append(names[-1])
        before = names
        yield entry
    if before is None:
        raise Corrupt(f"{key} is no index: it ends after {number} lines", next_step=ADVICE)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _require_header(line: bytes) -> None:
    value = json.loads(line)
    _require(value["index_of"] == "files", "it is of something else")
    _require(value["format"] == FORMAT, f"this program reads format {FORMAT}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _named(name: str, value: bytes) -> dict[str, str]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(value).decode()}


def _bytes_of(value: dict[str, Any], name: str) -> bytes:
    if name in value:
        return str(value[name]).encode()
    return b64decode(value[f"{name}_base64"], validate=True)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"expected a number that counts, found {value!r:.40}")
    return value


def _matching(expression: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not expression.fullmatch(value):
        raise ValueError(f"expected {expression.pattern}, found {value!r:.80}")
    return value
