"""Verification by the server's own program, where there is one, and without."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.machine.addresses import Block
from recovery.errors import Corrupt
from tests.support.rdb import rdb
from tests.support.redis_fake import FACTS, FakeRedis, serving, sized
from tests.support.redis_servers import check_programs
from tests.support.redis_site import RedisSite, in_memory
from tests.support.restore_site import Stock, flipped


@pytest.fixture
def site(redis_newest: RedisSite) -> RedisSite:
    """One copy in a bucket in memory."""
    made = in_memory(redis_newest)
    made.back_up()
    return made


def checked_by(site: RedisSite, folder: Path, script: str) -> RedisSite:
    """`site` with a check-rdb that is this shell script."""
    program = folder / "valkey-check-rdb"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return replace(site, path=f"{folder}:/usr/bin:/bin")


def test_without_a_program_every_byte_is_checked_and_that_its_keys_were_not_is_said(site: RedisSite) -> None:
    site.path = "/nowhere"
    verdict = site.check()
    assert verdict.raw_bytes > 5_000_000
    assert verdict.remark == "its keys were not read: no check-rdb is on PATH"


def test_a_program_of_another_server_is_no_judge_and_that_is_said(site: RedisSite, tmp_path: Path) -> None:
    programs = check_programs(tmp_path / "programs")
    (programs / "valkey-check-rdb").unlink()
    if not (programs / "redis-check-rdb").exists():
        pytest.skip("no older server for this machine")
    site.path = str(programs)
    assert site.check().remark == "its keys were not read: redis-check-rdb does not know VALKEY080"


@pytest.mark.parametrize("script", ["cat > /dev/null; echo '[info] boom'; exit 1", "head -c 9 > /dev/null; exit 1"])
def test_what_the_program_finds_wrong_is_damage(site: RedisSite, tmp_path: Path, script: str) -> None:
    with pytest.raises(Corrupt, match="valkey-check-rdb cannot read redis/snapshot/"):
        checked_by(site, tmp_path, script).check()


def test_damage_that_the_bytes_show_comes_before_what_the_program_says(site: RedisSite, tmp_path: Path) -> None:
    assert isinstance(site.store, Stock)
    (key,) = [key for key in site.store.objects if key.endswith("dump.rdb.zst")]
    site.store.objects[key] = flipped(site.store.objects[key])
    with pytest.raises(Corrupt, match="was changed: its SHA-256"):
        checked_by(site, tmp_path, "exit 0").check()


def test_the_program_gets_no_secret(site: RedisSite, tmp_path: Path) -> None:
    site.more = {"REDIS_PASSWORD": "s3cret-of-redis"}
    said = tmp_path / "said"
    assert checked_by(site, tmp_path, f"cat > /dev/null; env > {said}").check().remark
    assert "s3cret" not in said.read_text()


def test_a_content_that_no_server_reads_is_found_though_its_checksum_is_right(
    redis_newest: RedisSite, block: Block
) -> None:  # what only the server's own program sees
    wrong = rdb("VALKEY080", data=b"\xfe\x00\x63\x01a\x05hello")
    with serving(FakeRedis(facts=FACTS | {"valkey_version": "9.1.2"}, body=sized(wrong)), block.host(64)) as fake:
        site = replace(in_memory(redis_newest), more={"REDIS_HOST": block.host(64), "REDIS_PORT": str(fake.port)})
        site.back_up()
    with pytest.raises(Corrupt, match="valkey-check-rdb cannot read"):
        site.check()
