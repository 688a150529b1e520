"""docs/restore-by-hand.md, followed to the letter: its shell alone makes a server of what is in the bucket."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from recovery.lease.lease import format_lsn
from tests.support.backup_site import Site, site_with_bucket
from tests.support.plans import ROOT
from tests.support.restore_site import Place, lsn, order, orders
from tests.support.restore_site import place as place  # fixture
from tests.support.wal_shipping import Shipper

PAGE = (ROOT / "docs" / "restore-by-hand.md").read_text()
PATH = os.environ["PATH"]
NEEDED = ("aws", "zstd", "tar", "dd")


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on this machine")
    return site_with_bucket(backup_source, aws, tmp_path, monkeypatch)


def blocks() -> tuple[str, str]:
    """The page's shell: up to its fourth chapter, and that chapter, which starts the server."""
    before, _, after = PAGE.partition("\n## Files\n")[0].partition("## 4. Recover")
    first, last = (re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for text in (before, after))
    assert len(first) == 5 and len(last) == 1
    return "\n".join(first), "set -eu\n" + last[0]


def run(script: str, environment: dict[str, str], uid: int | None) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HUNG_SECONDS,
        check=False,
        user=uid,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hole" not in done.stderr
    return done.stdout


def test_the_page_makes_a_server_of_a_moment(site: Site, aws: Aws, place: Place, database_folder: Path) -> None:
    client = os.urandom(4).hex()
    tablespace = database_folder / f"beside-{client}"
    tablespace.mkdir(mode=0o700)
    uid = site.primary.uid
    if uid is not None:
        os.chown(tablespace, uid, uid)
    with site.primary.connect() as session:
        session.execute(f"CREATE TABLESPACE beside LOCATION '{tablespace}'".encode())
        session.execute("CREATE TABLE far TABLESPACE beside AS SELECT 'kept' AS word")
        try:
            site.back_up()
            order(session, f"first {client}", 500)
            session.execute("SELECT pg_switch_wal()")
            order(session, f"second {client}", 500)
            moment = lsn(session)
            order(session, f"third {client}", 500)
            Shipper(site).ship()
        finally:
            session.execute("DROP TABLE far")
            session.execute("DROP TABLESPACE beside")

    environment = {
        **os.environ,
        **site.environment,
        **aws.env("prod"),
        "PATH": f"{site.primary.postgres.bin}:{PATH}",
        "BUCKET": site.store.bucket,
        "WORK": str(place.parent),
        "STOP": f"recovery_target_lsn = '{format_lsn(moment)}'",
        "OPTIONS": f"-c listen_addresses={place.address} -k {place.parent}",
        **site.primary.postgres.env(),
    }
    unpacking, recovery = blocks()
    run(unpacking, environment, None)
    if uid is not None:
        subprocess.run(["chown", "-R", f"{uid}:{uid}", place.parent], check=True, timeout=HUNG_SECONDS)
    try:
        assert "archive recovery complete" in run(recovery, environment, uid)
        server = replace(site.primary, address=place.address)
        with server.connect() as session:
            found = [orders(session, f"{name} {client}")[0] for name in ("first", "second", "third")]
            assert found == [500, 500, 0]
            assert session.execute("SELECT word FROM far").fetchone() == ("kept",)
            assert session.execute("SHOW archive_mode").fetchone() == ("off",)
    finally:
        stop = [site.primary.postgres.bin / "pg_ctl", "-D", place.into, "-m", "immediate", "stop"]
        subprocess.run(stop, user=uid, timeout=HUNG_SECONDS, check=False, env=environment, capture_output=True)
