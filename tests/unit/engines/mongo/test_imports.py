"""Nobody waits for MongoDB's driver who does not touch MongoDB."""

import json
import subprocess
import sys

from tests.support.command_line import environment
from tests.support.plans import ROOT


def test_the_registry_of_all_datasets_loads_neither_the_driver_nor_its_bson() -> None:
    code = "import json, sys, engines.registry; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "engines.mongo.restore_order" in loaded
    assert {"pymongo", "bson"} & loaded == set()
