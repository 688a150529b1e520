"""Whether a backup's WAL has room is known before the download: also where only kubelet knows the limit."""

import tempfile
from pathlib import Path

import pytest

from engines.postgres import verify
from recovery.copies.manifest import Manifest
from recovery.errors import Refused
from recovery.lease.lease import format_lsn
from tests.support.manifests import manifest

GIB = 2**30


def with_wal(size: int) -> Manifest:
    """A backup with so much of it."""
    return manifest().model_copy(update={"start_position": "0/0", "stop_position": format_lsn(size)})


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_more_than_the_container_may_write_is_refused_however_much_the_node_has_free(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        verify._require_space(tmp_path / "tmp", with_wal(GIB // 4), {"DR_TMP_BYTES": "1000000"})
    assert "has room for 1,000,000 bytes, the backup's WAL needs " in refused.value.what
    for way in ("--scratch", "DR_SCRATCH", "operatorScratch 1Gi --stack dr"):
        assert way in refused.value.next_step


def test_the_limit_is_that_of_the_temporary_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    verify._require_space(tmp_path / "large", with_wal(1), {"DR_TMP_BYTES": "1000000"})
    verify._require_space(tmp_path / "tmp", with_wal(1), {})
