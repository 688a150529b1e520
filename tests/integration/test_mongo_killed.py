"""A copy that is killed at any request to the store: nothing is doubled, and the next run is whole."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from recovery.names import folder_of
from tests.support.mongo_data import KEPT
from tests.support.mongo_site import MongoSite, with_bucket
from tests.support.plans import ROOT

MOST = 20
"""More requests than one copy of one collection takes."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_request_it_leaves_nothing_doubled(
    mongo: MongoSite, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:  # fault 39
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    with mongo.server.client() as client:
        client[mongo.database].command({"create": "orders", **KEPT})
        client[mongo.database]["orders"].insert_many([{"_id": number} for number in range(100)])
    site = with_bucket(mongo, aws)
    killed = Counter[str]()
    for number in range(1, MOST):
        said = tmp_path / str(number)
        process = subprocess.run(
            [sys.executable, "-m", "tests.support.killed_mongo_backup", site.store.bucket, str(number), when],
            cwd=ROOT,
            env={**os.environ, **site.environment, "SAID": str(said), "DATABASE": site.database},
            capture_output=True,
            timeout=HUNG_SECONDS,
            check=False,
        )
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr.decode()
        killed[said.read_text().rpartition(".")[2]] += 1
        files = Counter(folder_of(key) for key in site.object_keys() if key.startswith("mongo/"))
        assert all(count <= 3 for count in files.values())
        whole = [entry.manifest for entry in site.engine().entries(site.store) if entry.manifest]
        assert len({manifest.id for manifest in whole}) == len(whole)
        if whole:
            site.check()
    else:
        raise AssertionError(f"more than {MOST} requests")
    assert {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"} <= set(killed)
    made = site.back_up()
    assert made.pointer_moved
    site.check(made.manifest.id)
