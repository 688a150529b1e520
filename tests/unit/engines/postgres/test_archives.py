"""An archive is somebody else's word: nothing in it may reach out of its folder or be other than promised."""

import hashlib
import io
import tarfile
from datetime import UTC, datetime

import pytest

from engines.compression import zstd
from engines.engine import Folder
from engines.postgres.archives import Series, contents, members, raw
from engines.streams import Tally
from recovery.copies.manifest import Part, Tablespace
from recovery.errors import Corrupt, Refused
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def tar(*infos: tarfile.TarInfo, content: bytes = b"content") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for info in infos:
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return packed.getvalue()


def read(archive: bytes, size: int = 1000) -> list[tuple[str, bytes]]:
    """Names of files and what is in them."""
    pieces = (archive[at : at + size] for at in range(0, len(archive), size))
    return [(each.name, b"".join(each.content)) for each in members(pieces, "part") if each.is_file]


@pytest.mark.parametrize("size", [1, 511, 512, 100_000])
def test_files_are_read_however_the_stream_is_cut(size: int) -> None:
    archive = tar(member("base", tarfile.DIRTYPE), member("base/1"), member("base/2"), content=b"c" * 1500)
    assert read(archive, size) == [("base/1", b"c" * 1500), ("base/2", b"c" * 1500)]


@pytest.mark.parametrize(
    "stranger",
    [
        member("/etc/cron.d/x"),
        member("base/../../x"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard", tarfile.LNKTYPE, "../x"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda stranger: stranger.name,
)
def test_a_member_that_reaches_out_of_the_folder_is_corrupt(stranger: tarfile.TarInfo) -> None:  # fault 49
    with pytest.raises(Corrupt, match="no plain file or folder below the data directory"):
        read(tar(member("good"), stranger))


@pytest.mark.parametrize(
    ("archive", "complaint"),
    [
        (b"not a tar" * 1000, "cannot be unpacked: invalid header"),
        (tar(member("cut"))[:600], "cannot be unpacked: it ends too early"),
        (tar(member("no end"))[:1024], "cannot be unpacked: it ends too early"),
        (tar(member("once")) + tar(member("twice")), "goes on after its end"),
    ],
    ids=["no tar", "cut within a file", "without an end", "another one behind it"],
)
def test_what_is_no_whole_archive_is_corrupt(archive: bytes, complaint: str) -> None:
    with pytest.raises(Corrupt, match=f"part {complaint}"):
        read(archive)


def stored(*contents: bytes) -> tuple[FakeBucket, Series]:
    """Objects that together are one stream."""
    bucket, parts = FakeBucket(), list[Part]()
    for number, content in enumerate(contents):
        body = zstd.compress(content)
        bucket.objects[f"part{number}"] = body
        digest = hashlib.sha256(body).hexdigest()
        parts.append(Part(key=f"part{number}", bytes=len(body), sha256=digest, raw_bytes=len(content)))
    return bucket, Series("base.tar", tuple(parts))


def test_objects_of_a_series_are_one_stream() -> None:
    bucket, series = stored(b"one", b"", b"two")
    assert b"".join(raw(bucket, series)) == b"onetwo"


@pytest.mark.parametrize(
    ("promised", "complaint"), [(2, "unpacks to more than its manifest's 2 bytes"), (4, "unpacks to 3 bytes")]
)
def test_a_stream_of_another_length_than_promised_is_corrupt(promised: int, complaint: str) -> None:
    bucket, series = stored(b"one")
    series = Series("base.tar", (series.parts[0].model_copy(update={"raw_bytes": promised}),))
    with pytest.raises(Corrupt, match=complaint):
        list(raw(bucket, series))


def test_what_folders_write_is_what_archives_read() -> None:
    bucket = FakeBucket()
    folder = Folder(store=bucket, prefix="x/", retain_until=datetime(2027, 1, 1, tzinfo=UTC))
    parts = folder.write("base.tar.zst", [memoryview(b"content")], Tally())
    assert b"".join(raw(bucket, Series("base.tar", parts))) == b"content"


def named(*names: str, oids: tuple[int, ...] = ()) -> object:
    made = manifest()
    folder = made.parts[0].key.rpartition("/")[0]
    parts = tuple(made.parts[0].model_copy(update={"key": f"{folder}/{name}"}) for name in names)
    tablespaces = tuple(Tablespace(oid=oid, location="/mnt") for oid in oids)
    found = contents(made.model_copy(update={"parts": parts, "tablespaces": tablespaces}))
    return {each.name: len(each.parts) for each in (*found.archives, found.manifest)}


def test_objects_belong_to_the_archive_whose_name_they_have() -> None:
    names = ("16385.tar.zst", "base.tar.zst", "base.tar.zst.0002", "base.tar.zst.10000", "backup_manifest.zst")
    assert named(*names, oids=(16385,)) == {"16385.tar": 1, "base.tar": 3, "backup_manifest": 1}


@pytest.mark.parametrize(
    ("names", "oids"),
    [
        (("base.tar.zst", "backup_manifest.zst"), (16385,)),
        (("base.tar.zst", "16385.tar.zst", "backup_manifest.zst"), ()),
        (("backup_manifest.zst",), ()),
        (("base.tar.zst", "base.tar", "backup_manifest.zst"), ()),
    ],
    ids=["a tablespace missing", "one too many", "no data directory", "a stranger"],
)
def test_other_archives_than_the_manifest_asks_for_are_corrupt(names: tuple[str, ...], oids: tuple[int, ...]) -> None:
    with pytest.raises(Corrupt, match="tablespaces ask for"):
        named(*names, oids=oids)


def test_the_layout_of_an_earlier_release_is_refused() -> None:
    with pytest.raises(Refused, match="earlier release"):
        named("base.tar.zst", "base.tar.zst.0002")
