"""Rules of a PostgreSQL full backup that need no PostgreSQL."""

import hashlib
from datetime import timedelta

import pytest

from engines import fencing
from engines.copying import TAIL_BYTES, Tally, checked, compressed
from engines.fencing import require_held, require_unmoved
from engines.postgres import (
    base_backup_arguments,
    child_environment,
    find_tool,
    redact,
    require_same_major,
    verify_arguments,
)
from engines.postgres_backup import wal_range, whole
from recovery.errors import Corrupt, Failed, LeaseRefused, Refused
from recovery.lease import Lease
from scripts.backups import age
from tests.fakes import FakeLeases, held_lease

TAIL = b"""...
"WAL-Ranges": [
{ "Timeline": 2, "Start-LSN": "0/A0000028", "End-LSN": "1/120" }
],
"Manifest-Checksum": "ab"}"""


def test_arguments_name_neither_host_nor_user_nor_password() -> None:
    arguments = base_backup_arguments("/bin/pg_basebackup")
    assert arguments[0] == "/bin/pg_basebackup" and "--no-password" in arguments
    assert not any(word.startswith(("--host", "--username", "--dbname", "-h", "-U", "-d")) for word in arguments)
    assert verify_arguments("/bin/pg_verifybackup", "/tmp/x")[-1] == "/tmp/x"  # noqa: S108


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
    with pytest.raises(Refused, match="pg_basebackup is not on PATH") as refusal:
        find_tool("pg_basebackup", {"PATH": "/nowhere"})
    assert "dr-runner image" in refusal.value.next_step


def test_only_equal_major_versions_work_together() -> None:  # fault 36
    require_same_major("pg_basebackup", "18.6", "18.1")
    with pytest.raises(Refused, match="major versions must be equal"):
        require_same_major("pg_basebackup", "18.6", "17.9")


def test_wal_positions_come_from_the_end_of_the_stream() -> None:
    assert wal_range(TAIL, timeline=2) == ("0/A0000028", "1/120")


def test_a_backup_of_another_timeline_than_announced_fails() -> None:
    with pytest.raises(Failed, match="was on timeline 1 when asked, the backup is of 2"):
        wal_range(TAIL, timeline=1)


def test_a_stream_too_small_for_a_cluster_fails() -> None:  # fault 33
    tally = Tally()
    tally.count_raw(memoryview(TAIL))
    with pytest.raises(Failed, match="is no database cluster"):
        list(whole([], tally))


def test_the_tally_keeps_the_end_of_the_stream_whatever_the_chunks() -> None:
    content = bytes(range(251)) * 1000
    for size in (100, 4096, TAIL_BYTES, len(content)):
        tally = Tally()
        for start in range(0, len(content), size):
            tally.count_raw(memoryview(content)[start : start + size])
        assert (tally.tail, tally.raw_bytes) == (content[-TAIL_BYTES:], len(content))


def test_compressed_bytes_are_counted_and_hashed() -> None:
    tally = Tally()
    stored = b"".join(compressed([memoryview(b"a" * 100_000)] * 3, tally))
    assert (tally.raw_bytes, tally.stored_bytes) == (300_000, len(stored))
    assert tally.sha256 == hashlib.sha256(stored).hexdigest()


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
