"""The chapter about MongoDB of docs/restore-by-hand.md, followed to where mongorestore would begin."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from tests.support.mongo_data import EVERY_TYPE, KEPT, documents
from tests.support.mongo_site import MongoSite, with_bucket
from tests.support.plans import ROOT

PAGE = (ROOT / "docs" / "restore-by-hand.md").read_text()
NAMES = {"orders": "orders", "odd/name%x": "odd%2Fname%25x"}


def test_the_page_makes_mongodumps_folder_of_what_is_in_the_bucket(
    mongo: MongoSite, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [name for name in ("aws", "zstd") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on this machine")
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    site = with_bucket(mongo, aws)
    with mongo.server.client() as client:
        database = client[mongo.database]
        for name in NAMES:
            database.command({"create": name, **KEPT})
            database[name].insert_many([{"_id": number, **EVERY_TYPE} for number in range(50)])
        site.back_up()
        source = {name: b"".join(documents(database, name).values()) for name in NAMES}
    first, last = re.findall(r"```sh\n(.*?)```", PAGE.partition("\n## MongoDB\n")[2], re.DOTALL)
    environment = {**os.environ, "BUCKET": site.store.bucket, "WORK": str(tmp_path / "work"), "TARGET": "mongodb://new"}
    done = subprocess.run(
        ["/bin/sh", "-c", first], env=environment, capture_output=True, text=True, timeout=HUNG_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "start_position" in done.stdout and "mongorestore" in last
    folder = tmp_path / "work" / "dump" / mongo.database
    assert {name: (folder / f"{file}.bson").read_bytes() for name, file in NAMES.items()} == source
    assert sorted(path.name for path in folder.glob("*.metadata.json")) == sorted(
        f"{file}.metadata.json" for file in NAMES.values()
    )
