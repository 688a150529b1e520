"""Rules of a PostgreSQL full backup that need no PostgreSQL."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engines import fencing
from engines.fencing import require_held, require_unmoved
from engines.postgres import full, replica
from engines.postgres.tools import (
    Identity,
    child_environment,
    find_tool,
    redact,
    require_same_major,
)
from engines.streams import Tally, ahead, checked, compressed, decompressed, passed_on
from recovery.errors import Corrupt, Failed, LeaseRefused, Refused
from recovery.lease.lease import Lease
from recovery.plan.loading import load_plan
from scripts.backups_output import age
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import ROOT

LAG = timedelta(seconds=10)


def test_a_child_gets_no_aws_credentials_and_speaks_english() -> None:
    child = child_environment({"AWS_SECRET_ACCESS_KEY": "s", "PGHOST": "h", "LC_ALL": "uz_UZ.UTF-8"})
    assert child == {"PGHOST": "h", "LC_ALL": "C", "PGAPPNAME": "dr"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bad s3cret here", "bad *** here"),
        ("host=h password=open user=u", "host=h password=*** user=u"),
        ("password = 'two words' x", "password = *** x"),
        ("postgresql://me:open@host/db", "postgresql://me:***@host/db"),
        ("password authentication failed", "password authentication failed"),
    ],
)
def test_secrets_are_redacted(text: str, shown: str) -> None:
    assert redact(text, {"PGPASSWORD": "s3cret"}) == shown


def test_a_missing_program_is_named_with_what_to_install() -> None:
    with pytest.raises(Refused, match="pg_waldump is not on PATH") as refusal:
        find_tool("pg_waldump", {"PATH": "/nowhere"})
    assert "dr-runner image" in refusal.value.next_step


def test_a_server_older_than_the_protocol_is_refused_before_anything_is_asked_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fault 36
    seen = Identity(system_identifier="7", timeline=1, server_version="14.9", in_recovery=True, size_bytes=1)
    monkeypatch.setattr(replica, "identify", lambda *_: seen)
    section = load_plan(ROOT / "recovery.yaml").datasets.postgres
    with pytest.raises(Refused, match=r"PostgreSQL 14\.9; backups are understood from 15 on"):
        full.PostgresFull().look(section, {}, replica_lag=LAG)
    monkeypatch.setattr(replica, "identify", lambda *_: replace(seen, server_version="15.0"))
    assert full.PostgresFull().look(section, {}, replica_lag=LAG).standby


def test_only_equal_major_versions_work_together() -> None:  # fault 36
    require_same_major("pg_waldump", "18.6", "18.1")
    with pytest.raises(Refused, match="major versions must be equal"):
        require_same_major("pg_waldump", "18.6", "17.9")


def test_compressed_bytes_are_counted_and_hashed() -> None:
    tally = Tally()
    stored = b"".join(compressed([memoryview(b"a" * 100_000)] * 3, tally))
    assert (tally.raw_bytes, tally.stored_bytes) == (300_000, len(stored))
    part = tally.end_object("key")
    assert (part.bytes, part.raw_bytes) == (len(stored), 300_000)
    assert part.sha256 == hashlib.sha256(stored).hexdigest()


def test_what_the_server_compressed_is_passed_on_and_counted_by_its_word() -> None:
    tally, said = Tally(), iter([100, 100, 250, 300])
    assert list(passed_on([memoryview(b"ab"), memoryview(b"c")], tally, lambda: next(said))) == [b"ab", b"c"]
    assert (tally.raw_bytes, tally.stored_bytes) == (200, 3)
    assert tally.end_object("key").sha256 == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("size", [1, 5, 1000, 10_000_000])
def test_frames_are_unpacked_as_one_stream_however_they_are_cut(size: int) -> None:
    content = [b"a" * 3_000_000, b"b", b"", bytes(range(256)) * 1000]
    packed = b"".join(b"".join(compressed([memoryview(each)], Tally())) for each in content)
    pieces = list(decompressed(ahead(packed[at : at + size] for at in range(0, len(packed), size)), "key"))
    assert b"".join(pieces) == b"".join(content) and max(map(len, pieces)) <= 2**20


def test_a_frame_that_is_cut_off_is_corrupt() -> None:
    packed = b"".join(compressed([memoryview(b"a" * 1000)], Tally()))
    with pytest.raises(Corrupt, match="key cannot be unpacked: it ends within a frame"):
        list(decompressed([packed[:-1]], "key"))


def test_a_reader_ahead_passes_errors_on_after_what_came_before_them() -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise Failed("lost")

    chunks = ahead(broken())
    assert next(chunks) == b"first"
    with pytest.raises(Failed, match="lost"):
        next(chunks)


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"short", "cut off"), (b"much too long", "longer"), (b"CHANGED!", "was changed")]
)
def test_other_bytes_than_promised_are_found(content: bytes, complaint: str) -> None:  # fault 50
    with pytest.raises(Corrupt, match=complaint):
        list(checked([content], key="part", size=8, sha256=hashlib.sha256(b"promised").hexdigest()))


def test_a_site_without_the_lease_is_refused() -> None:  # fault 68
    with pytest.raises(LeaseRefused, match="never initialised"):
        require_held(FakeLeases(None), "prod")
    with pytest.raises(LeaseRefused, match="site prod is fenced: the lease is held by dr in epoch 2"):
        require_held(FakeLeases(held_lease("dr", 2)), "prod")


def test_a_lease_that_cannot_be_read_for_a_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(FakeLeases):
        reads = 0

        def read(self) -> Lease | None:
            self.reads += 1
            self.reachable = self.reads > 2
            return super().read()

    leases = Slow(held_lease())
    with fencing.stamina.set_testing(True, attempts=5):
        require_unmoved(leases, held_lease())
    assert leases.reads == 3


def test_a_copy_does_not_count_when_the_lease_moved_meanwhile() -> None:  # fault 68
    with pytest.raises(Failed, match="now it is held by dr in epoch 2"):
        require_unmoved(FakeLeases(held_lease("dr", 2)), held_lease())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (86_400 * 3, "3 d"), (-1, "in the future")],
)
def test_ages_are_short(seconds: int, text: str) -> None:  # fault 60
    assert age(timedelta(seconds=seconds)) == text
