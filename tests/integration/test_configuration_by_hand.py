"""docs/restore-by-hand.md, its chapter on configuration, followed to the letter: shell, zstd, Python, and the SDK."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud.objects import S3Bucket
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from tests.support.clients import client, destroy_bucket, make_bucket
from tests.support.configuration_site import PASSWORD, encoded, shop
from tests.support.kms_keys import Keys
from tests.support.kms_keys import keys as keys  # fixture
from tests.support.plans import ROOT

PAGE = (ROOT / "docs" / "restore-by-hand.md").read_text()
KUBECTL = """#!/bin/sh
if [ "$1" = wait ]; then exit 0; fi
[ "$*" = "apply --server-side --field-manager=dr-restore -f -" ] || exit 1
cat >> "$APPLIED"
echo >> "$APPLIED"
"""
# The command of aws-encryption-sdk-cli 4.3 with the options that the page has. That one itself needs version 3 of the
# SDK, so it cannot be installed beside ours.
CLI = """#!{python}
import argparse
import aws_encryption_sdk as sdk
options = argparse.ArgumentParser()
options.add_argument("--decrypt", action="store_true", required=True)
options.add_argument("--suppress-metadata", action="store_true", required=True)
for name in ("input", "output"):
    options.add_argument("--" + name, required=True)
for name in ("wrapping-keys", "encryption-context"):
    options.add_argument("--" + name, nargs="+", required=True)
given = options.parse_args()
(key,) = (each.removeprefix("key=") for each in given.wrapping_keys)
provider = sdk.StrictAwsKmsMasterKeyProvider(key_ids=[key])
with open(given.input, "rb") as source, open(given.output, "wb") as into:
    content, header = sdk.EncryptionSDKClient().decrypt(source=source, key_provider=provider)
    said = dict(each.split("=", 1) for each in given.encryption_context)
    assert said.items() <= header.encryption_context.items(), header.encryption_context
    into.write(content)
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    missing = [name for name in ("aws", "zstd") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on this machine")
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("kubectl", KUBECTL), ("aws-encryption-cli", CLI.replace("{python}", sys.executable))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def test_the_page_applies_everything_in_its_order(aws: Aws, keys: Keys, tools: Path, tmp_path: Path) -> None:
    s3 = client(aws, "s3", "dr", "us-west-2")
    bucket = make_bucket(s3, "configuration", "us-west-2", locked=True)
    site = shop()
    site.store, site.keys = S3Bucket(bucket, "us-west-2"), keys.sealer
    (tmp_path / "edge.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    site.paths = (str(tmp_path / "edge.key"),)
    site.back_up()
    chapter = PAGE.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL))
    applied = tmp_path / "applied"
    environment = {
        **os.environ,
        **aws.env("dr"),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "BUCKET": bucket,
        "WORK": str(tmp_path / "work"),
        "APPLIED": str(applied),
    }
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, timeout=HUNG_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert keys.arns["dr"] in done.stdout
    items: list[Any] = [each for line in applied.read_text().splitlines() for each in json.loads(line)["items"]]
    kinds = [each["kind"] for each in items]
    assert kinds == [
        "Namespace",
        "ServiceAccount",
        "ConfigMap",
        "Secret",
        "Service",
        "Deployment",
        "Deployment",
        "CronJob",
    ]
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in items}
    assert by_name["Secret", "order-login"]["data"] == {"password": encoded(PASSWORD)}
    assert by_name["CronJob", "report"]["spec"]["suspend"] is True
    assert "replicas" not in by_name["Deployment", "order"]["spec"]
    assert by_name["Deployment", "mailer"]["spec"]["replicas"] == 2
    assert (tmp_path / "work/copy/4-secrets.json").stat().st_mode & 0o077 == 0
    assert (tmp_path / "work/copy/secret-files.tar").is_file()
    destroy_bucket(s3, bucket)
