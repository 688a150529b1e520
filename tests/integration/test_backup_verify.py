"""`dr verify` on a real backup: whole it passes, with one bit changed it does not."""

import hashlib
import io
import json
import resource
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engines.catalog import find
from engines.compression import zstd
from engines.postgres.verify import verify
from lab.aws.site import Aws
from operations.copies.backup import Made
from recovery.copies.manifest import Part
from recovery.errors import Corrupt, Failed, Refused
from tests.support.backup_site import Site, site_with_bucket
from tests.support.restore_site import flipped


@pytest.fixture
def site(each_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(each_source, aws, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def original(
    each_source: Site, session_aws: Aws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Made]]:
    """One backup of each PostgreSQL, which stays as it was made."""
    with pytest.MonkeyPatch.context() as patch:
        site = site_with_bucket(each_source, session_aws, tmp_path_factory.mktemp("original"), patch)
        yield site, site.back_up()


@pytest.fixture
def made(original: tuple[Site, Made], site: Site) -> Made:
    """That backup, every object of it in the test's own bucket."""
    kept, backup = original
    for key in kept.object_keys():
        site.s3.copy_object(Bucket=site.store.bucket, Key=key, CopySource={"Bucket": kept.store.bucket, "Key": key})
    return backup


def test_a_whole_backup_is_verified_with_its_wal_and_leaves_nothing_behind(site: Site, made: Made) -> None:
    verdict = site.check()
    assert verdict.files > 900 and verdict.raw_bytes == made.manifest.raw_bytes
    assert list(site.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (flipped, "was changed: its SHA-256 is"),
        (lambda body: body[:-1], "has another size"),
        (lambda body: body + b"x", "has another size"),
    ],
    ids=["bit flipped", "truncated", "appended"],
)
@pytest.mark.parametrize("part", [0, 1], ids=["archive", "backup_manifest"])
def test_a_damaged_part_is_found_and_named(
    site: Site, made: Made, part: int, change: Callable[[bytes], bytes], complaint: str
) -> None:  # fault 50
    key = made.manifest.parts[part].key
    site.rewrite(key, change)
    with pytest.raises(Corrupt, match=f"{key.rpartition('/')[2]} {complaint}"):
        site.check()
    assert list(site.scratch.iterdir()) == []


def test_a_missing_part_is_found(site: Site, made: Made) -> None:
    site.s3.delete_object(Bucket=site.store.bucket, Key=made.manifest.parts[0].key)
    with pytest.raises(Refused, match=r"1 of 2 objects \(base\.tar\.zst\) not there yet"):
        site.check()
    now = made.manifest.finished + timedelta(hours=1)
    with pytest.raises(Corrupt, match=r"base\.tar\.zst\) never arrived"):
        find(site.store, "latest", dataset="postgres", kind="full", now=now)


def test_a_backup_too_large_for_one_object_is_verified_from_all_of_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.engine.OBJECT_BYTES", 1_000_000)
    parts = site.back_up().manifest.parts
    assert len(parts) > 3 and parts[1].key == f"{parts[0].key}.0002"
    verdict = site.check()
    assert verdict.files > 900 and verdict.raw_bytes == sum(part.raw_bytes for part in parts)
    site.rewrite(parts[1].key, flipped)
    with pytest.raises(Corrupt, match=r"base\.tar\.zst\.0002 was changed"):
        site.check()
    site.s3.delete_object(Bucket=site.store.bucket, Key=parts[1].key)
    with pytest.raises(Refused, match=r"1 of \d+ objects \(base\.tar\.zst\.0002\) not there yet"):
        site.check()
    assert list(site.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        (("parts", 0, "sha256"), "0" * 64, "was changed"),
        (("parts", 0, "raw_bytes"), 1000, "unpacks to more than"),
        ("stop_position", "0/FFFFFFFF", "differs from what is inside"),
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
        del content["digest"]  # whoever tampers on purpose makes it right
        content["digest"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return json.dumps(content).encode()

    site.rewrite(made.manifest_key, tamper)
    with pytest.raises(Corrupt, match=complaint):
        site.check()
    assert list(site.scratch.iterdir()) == []


def test_a_pointer_to_a_deleted_manifest_is_corrupt(site: Site, made: Made) -> None:  # fault 51
    site.s3.delete_object(Bucket=site.store.bucket, Key=made.manifest_key)
    with pytest.raises(Corrupt, match="is missing from bucket"):
        site.check("latest")


@pytest.mark.parametrize(
    ("within", "complaint"),
    [("base/", "{} in .* is not what backup_manifest lists"), ("pg_wal/0", "pg_waldump cannot read the backup's WAL")],
    ids=["file", "WAL"],
)
def test_a_backup_whose_content_was_wrong_from_the_start_is_found(
    site: Site, made: Made, within: str, complaint: str
) -> None:
    """Checksums of part and manifest agree, one file inside does not: only PostgreSQL's own manifest can tell."""
    body = b"".join(site.store.stream(made.manifest.parts[0].key))
    raw = bytearray(zstd.decompress(body))
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        victim = next(member for member in archive if member.name.startswith(within) and member.size > 8192)
    raw[victim.offset_data + 100] ^= 1
    forged = zstd.compress(bytes(raw))
    assert len(raw) == made.manifest.parts[0].raw_bytes
    part = Part(
        key=made.manifest.parts[0].key,
        bytes=len(forged),
        sha256=hashlib.sha256(forged).hexdigest(),
        raw_bytes=len(raw),
    )
    manifest = made.manifest.model_copy(update={"parts": (part, *made.manifest.parts[1:])})
    site.rewrite(part.key, lambda _: forged)
    site.rewrite(made.manifest_key, lambda _: manifest.to_json())
    with pytest.raises(Corrupt, match=complaint.format(victim.name)):
        site.check()


def test_a_verifier_of_another_major_version_is_refused(site: Site, made: Made, tmp_path: Path) -> None:  # fault 36
    old = site.with_program(tmp_path / "bin", "pg_waldump", "echo 'pg_waldump (PostgreSQL) 17.2'")
    with pytest.raises(Refused, match=r"pg_waldump is version 17\.2"):
        old.check()


def test_too_little_room_is_refused_before_the_download(site: Site, made: Made) -> None:  # fault 38
    manifest = made.manifest
    huge = manifest.model_copy(update={"stop_position": "FFFFFFF/0"})
    with pytest.raises(Refused, match=r"has room for .* bytes, the backup's WAL needs"):
        verify(site.store, huge, environment=site.environment, scratch=site.scratch)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda parts: parts[1:], r"holds backup_manifest, its manifest's tablespaces ask for"),
        (lambda parts: (parts[0], *parts), r"base\.tar\.zst goes on after its end"),
    ],
    ids=["missing", "twice"],
)
def test_a_manifest_that_names_other_archives_than_a_backup_has_is_corrupt(
    site: Site, made: Made, change: Callable[[Any], Any], complaint: str
) -> None:
    manifest = made.manifest.model_copy(update={"parts": change(made.manifest.parts)})
    with pytest.raises(Corrupt, match=complaint):
        verify(site.store, manifest, environment=site.environment, scratch=site.scratch)


def test_a_backup_of_an_earlier_release_is_refused_with_what_to_do_by_hand(site: Site, made: Made) -> None:
    manifest = made.manifest.model_copy(update={"parts": made.manifest.parts[:1]})
    with pytest.raises(Refused, match="earlier release") as refusal:
        verify(site.store, manifest, environment=site.environment, scratch=site.scratch)
    assert "zstd -dc" in refusal.value.next_step


def test_a_disk_that_is_full_before_the_end_is_told_and_nothing_stays(site: Site, made: Made) -> None:  # fault 38
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(Failed, match=r"pg_wal/[0-9A-F]{24} cannot be written: File too large") as failure:
            site.check()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "--scratch" in failure.value.next_step and list(site.scratch.iterdir()) == []
