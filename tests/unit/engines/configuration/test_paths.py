"""Files of named paths: whole, links unfollowed, nothing left out silently."""

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from engines.configuration import paths
from engines.configuration.archives import entries_of
from engines.configuration.paths import gather, packed
from recovery.errors import Corrupt, Failed


def nothing() -> None: ...


def test_a_folder_and_a_file_come_whole_and_links_as_links(tmp_path: Path) -> None:
    (tmp_path / "nginx/sites").mkdir(parents=True)
    (tmp_path / "nginx/nginx.conf").write_text("worker_processes 2;\n")
    (tmp_path / "nginx/sites/shop").write_bytes(b"server {}")
    (tmp_path / "nginx/secret.link").symlink_to("/etc/shadow")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost")
    found = gather([str(tmp_path / "nginx"), str(tmp_path / "hosts")], nothing)
    archive = b"".join(map(bytes, packed(found)))
    with tarfile.open(fileobj=BytesIO(archive)) as read:
        names = {f"/{each.name}": each for each in read}
        assert sorted(names) == sorted(each.path for each in found)
        link = names[str(tmp_path / "nginx/secret.link")]
        assert link.issym() and link.linkname == "/etc/shadow"
    content = {f"/{each.name}": b"".join(data) for each, data in entries_of([archive[:700], archive[700:]], "k")}
    assert content[str(tmp_path / "nginx/nginx.conf")] == b"worker_processes 2;\n"


def test_a_path_that_is_absent_fails_the_copy(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="gone cannot be read: No such file") as error:
        gather([str(tmp_path / "gone")], nothing)
    assert "datasets.configuration.paths" in error.value.next_step


def test_what_is_no_file_fails_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Failed, match="neither a file, a folder nor a link"):
        gather([str(tmp_path)], nothing)


def test_what_is_too_much_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST", 10)
    (tmp_path / "a").write_bytes(bytes(6))
    (tmp_path / "b").write_bytes(bytes(6))
    with pytest.raises(Failed, match="more than 10 bytes"):
        gather([str(tmp_path)], nothing)


def test_a_private_key_is_a_secret_and_a_configuration_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "b.conf").write_text("listen 443 ssl;")
    assert [each.secret for each in gather([str(tmp_path)], nothing)] == [True, False]


def test_an_archive_that_is_cut_off_is_told() -> None:
    with pytest.raises(Corrupt, match="k is no archive"):
        list(entries_of([b"x" * 700], "k"))
