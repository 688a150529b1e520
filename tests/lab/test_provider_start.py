"""The lab's plugins reach nothing but the lab: fault 73."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.machine import byte_code
from lab.machine.processes import HUNG_SECONDS
from tests.support.plans import ROOT

LOCAL = {"LAB_RUN": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("module", "env", "said"),
    [
        ("aws", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "LAB_RUN is not set"),
        ("aws", {"LAB_RUN": "x"}, "AWS_ENDPOINT_URL is not set"),
        ("aws", {"LAB_RUN": "x", "AWS_ENDPOINT_URL": "https://s3.amazonaws.com"}, "is not a loopback address"),
        ("aws", {**LOCAL, "AWS_ENDPOINT_URL_S3": "http://localhost:1"}, "AWS_ENDPOINT_URL_S3"),
        ("kubernetes", {}, "LAB_RUN is not set"),
        ("kubernetes", {"LAB_RUN": "x", "KUBECONFIG": "kubeconfig"}, "is not a loopback address"),
    ],
)
def test_73_a_plugin_outside_the_lab_refuses_to_start(
    module: str, env: dict[str, str], said: str, tmp_path: Path
) -> None:
    elsewhere = {"clusters": [{"name": "real", "cluster": {"server": "https://eks.example.com"}}]}
    (tmp_path / "kubeconfig").write_text(json.dumps(elsewhere))
    own = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **byte_code.environment()}
    done = subprocess.run(
        [sys.executable, "-m", f"lab.providers.{module}.provider", "127.0.0.1:1"],
        env=own | env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HUNG_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "refused to start" in done.stderr
    assert said in done.stderr
