"""An archive is somebody else's word: nothing in it may reach out of its folder or be other than promised."""

import io
import tarfile
from pathlib import Path

import pytest

from engines.copying import zstd
from engines.postgres_verify import unpack
from recovery.errors import Corrupt
from recovery.manifest import Part


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def stored(*members: tarfile.TarInfo, content: bytes = b"content") -> tuple[io.BytesIO, Part]:
    """A compressed archive and the part that promises it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for info in members:
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    body = zstd.compress(raw.getvalue())
    return io.BytesIO(body), Part(key="part", bytes=len(body), sha256="0" * 64, raw_bytes=len(raw.getvalue()))


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    body, part = stored(member("base", tarfile.DIRTYPE), member("base/1"))
    assert unpack(body, part, tmp_path) == 1
    assert (tmp_path / "base/1").read_bytes() == b"content"


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
def test_a_member_that_reaches_out_of_the_folder_is_refused(stranger: tarfile.TarInfo, tmp_path: Path) -> None:  # 49
    body, part = stored(member("good"), stranger)
    with pytest.raises(Corrupt, match="no plain file or folder below the data directory"):
        unpack(body, part, tmp_path / "data")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["good"]


def test_an_archive_larger_than_promised_is_not_unpacked_to_the_end(tmp_path: Path) -> None:
    body, part = stored(*(member(str(n)) for n in range(100)), content=bytes(100_000))
    with pytest.raises(Corrupt, match="unpacks to more than its manifest's 20,000 bytes"):
        unpack(body, part.model_copy(update={"raw_bytes": 20_000}), tmp_path)
    assert len(list(tmp_path.iterdir())) < 30


@pytest.mark.parametrize("body", [b"not zstd at all", zstd.compress(b"not a tar" * 1000)], ids=["no zstd", "no tar"])
def test_what_is_no_archive_is_corrupt(body: bytes, tmp_path: Path) -> None:
    part = Part(key="part", bytes=len(body), sha256="0" * 64, raw_bytes=9000)
    with pytest.raises(Corrupt, match="cannot be unpacked"):
        unpack(io.BytesIO(body), part, tmp_path)
