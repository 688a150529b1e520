"""`dr verify` on a real backup: whole it passes, with one bit changed it does not, and nothing unpacks where it should
not."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.catalog import find
from engines.copying import zstd
from engines.postgres_backup import Made
from engines.postgres_verify import verify
from lab.aws.site import Aws
from recovery.errors import Corrupt, Refused
from recovery.manifest import Part
from tests.integration.backup_site import Site, site_with_bucket


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(backup_source, aws, tmp_path, monkeypatch)


@pytest.fixture
def made(site: Site) -> Made:
    return site.back_up()


def flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def test_a_whole_backup_is_verified_with_its_wal_and_leaves_nothing_behind(site: Site, made: Made) -> None:
    verdict = site.check()
    assert verdict.files > 900 and verdict.raw_bytes == made.manifest.parts[0].raw_bytes
    assert list(site.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (flipped, "was changed: its SHA-256 is"),
        (lambda body: body[:-1], "is cut off"),
        (lambda body: body + b"x", "longer"),
    ],
    ids=["bit flipped", "truncated", "appended"],
)
def test_a_damaged_part_is_found_before_anything_is_unpacked(
    site: Site, made: Made, change: Callable[[bytes], bytes], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 50
    monkeypatch.setattr("engines.postgres_verify.unpack", lambda *_: pytest.fail("it was unpacked"))
    site.rewrite(made.manifest.parts[0].key, change)
    with pytest.raises(Corrupt, match=complaint):
        site.check()
    assert list(site.scratch.iterdir()) == []


def test_a_missing_part_is_found(site: Site, made: Made) -> None:
    site.s3.delete_object(Bucket=site.store.bucket, Key=made.manifest.parts[0].key)
    with pytest.raises(Corrupt, match=r"base\.tar\.zst is missing"):
        site.check()


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        (("parts", 0, "sha256"), "0" * 64, "was changed"),
        (("parts", 0, "raw_bytes"), 1000, "unpacks to more than"),
        ("stop_position", "F/FFFFFFFF", "differs from what is inside"),
        (("source", "timeline"), "two", "is not valid: source.timeline"),
        (("parts", 0, "key"), "../../etc/passwd", "is not about its own folder"),
        (("source", "system_identifier"), "1", "is not about its own folder"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_tampered_manifest_is_found(
    site: Site, made: Made, field: tuple[str | int, ...] | str, value: object, complaint: str
) -> None:  # fault 51
    def tamper(body: bytes) -> bytes:
        content = json.loads(body)
        *path, last = (field,) if isinstance(field, str) else field
        target = content
        for step in path:
            target = target[step]
        target[last] = value
        return json.dumps(content).encode()

    site.rewrite(made.manifest_key, tamper)
    with pytest.raises(Corrupt, match=complaint):
        site.check()
    assert list(site.scratch.iterdir()) == []


def test_a_pointer_to_a_deleted_manifest_is_corrupt(site: Site, made: Made) -> None:  # fault 51
    site.s3.delete_object(Bucket=site.store.bucket, Key=made.manifest_key)
    with pytest.raises(Corrupt, match="is missing from bucket"):
        site.check("latest")


def test_a_backup_whose_content_was_wrong_from_the_start_is_found_by_postgresql(
    site: Site, made: Made, tmp_path: Path
) -> None:
    """Checksums of part and manifest agree, one file inside does not: only pg_verifybackup can tell."""
    body = b"".join(site.store.stream(made.manifest.parts[0].key))
    raw = bytearray(zstd.decompress(body))
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        victim = next(member for member in archive if member.name.startswith("base/") and member.size > 8192)
    raw[victim.offset_data + 5000] ^= 1
    forged = zstd.compress(bytes(raw))
    assert len(raw) == made.manifest.parts[0].raw_bytes
    part = Part(
        key=made.manifest.parts[0].key,
        bytes=len(forged),
        sha256=hashlib.sha256(forged).hexdigest(),
        raw_bytes=len(raw),
    )
    manifest = made.manifest.model_copy(update={"parts": (part,)})
    site.rewrite(part.key, lambda _: forged)
    site.rewrite(made.manifest_key, lambda _: manifest.to_json())
    with pytest.raises(Corrupt, match=f"pg_verifybackup refuses the backup.*{victim.name}"):
        site.check()


def test_a_verifier_of_another_major_version_is_refused(site: Site, made: Made, tmp_path: Path) -> None:  # fault 36
    old = site.with_program(tmp_path / "bin", "pg_verifybackup", "echo 'pg_verifybackup (PostgreSQL) 17.2'")
    with pytest.raises(Refused, match=r"pg_verifybackup is version 17\.2"):
        old.check()


def test_too_little_room_is_refused_before_the_download(site: Site, made: Made) -> None:  # fault 38
    _, manifest = find(site.store, "latest", dataset="postgres", kind="full")
    huge = manifest.model_copy(update={"parts": (manifest.parts[0].model_copy(update={"raw_bytes": 2**60}),)})
    with pytest.raises(Refused, match="bytes free, unpacking needs"):
        verify(site.store, huge, environment=site.environment, scratch=site.scratch)
