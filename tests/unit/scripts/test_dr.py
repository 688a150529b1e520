"""What goes wrong at the very edge of the `dr` command: its output, its secrets."""

import subprocess
import sys
from pathlib import Path

import pytest

from cloud.resolver import parse_server
from recovery.errors import Refused
from scripts import dr
from tests.support.plans import ROOT


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        dr.main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize("more", ["", "--json"])
@pytest.mark.parametrize(
    ("where", "code", "said"),
    [("> /dev/full", 1, "dr: cannot write: No space left on device"), (">&-", 0, ""), ("| head -1", 1, "")],
)
def test_output_that_cannot_be_written_is_no_traceback(where: str, code: int, said: str, more: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"$0" -m scripts.dr plan {more} {where}; exit ${{PIPESTATUS[0]}}', sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.partition("\n")[0] == said
    assert ("Next: " in done.stderr) is bool(said)
    # A pipe may take all of a short output before its reader ends.
    assert done.returncode in ({0, code} if "head" in where else {code})


@pytest.mark.parametrize("url", ["s3:///k", "s3://bucket", "s3://bucket/", "s3://"])
def test_a_bundle_s_address_without_bucket_or_key_is_told_as_such(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PGPASSWORD", "x")
    code, _, err = run(capsys, "promote", "--bundle", url)
    assert code == 2
    assert err.startswith(f"dr: {url} names no object")
    assert "Next: write it as s3://BUCKET/KEY" in err


@pytest.mark.parametrize("server", ["10.0.0.2:65536", "10.0.0.2:0", "10.0.0.2:²"])
def test_a_resolver_s_port_that_no_machine_has_is_refused(server: str) -> None:
    with pytest.raises(Refused, match="not a DNS server"):
        parse_server(server)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_password_file_that_cannot_be_read_is_told_without_its_content(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "password"
    if content:
        path.write_bytes(content)
    monkeypatch.setenv("PGPASSWORD_FILE", str(path))
    code, _, err = run(capsys, "promote", "--bundle", str(tmp_path / "bundle.json"))
    assert code == 2
    assert err.startswith(f"dr: PGPASSWORD_FILE: {path} cannot be read: ")
    assert "Next: " in err
    code, out, _ = run(capsys, "status", "--bundle", str(tmp_path / "bundle.json"))
    assert code == 3
    assert "PGPASSWORD_FILE" in out
