"""Copies of configuration in S3 with Secrets under KMS: locked, killed, refused, changed. The cluster is in memory;
`tests/lab/test_configuration.py` has a real one."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.objects import S3Bucket
from cloud.sealing import KmsOpener
from engines.configuration.into_cluster import plan
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from recovery.errors import Corrupt, Failed, Refused, Unreachable
from recovery.names import folder_of
from tests.support.clients import client, destroy_bucket, make_bucket
from tests.support.cluster_objects import DR_UID, FakeObjects
from tests.support.configuration_site import PASSWORD, ConfigurationSite, encoded, shop, small
from tests.support.kms_keys import Keys
from tests.support.kms_keys import keys as keys  # fixture
from tests.support.plans import ROOT
from tests.support.s3_faults import Fault, Faults, refuses, resets

MOST = 30
"""More requests than one small copy takes."""


class Real(ConfigurationSite):
    """With real keys."""

    def opener(self) -> Any:
        return KmsOpener()


@pytest.fixture
def stored(aws: Aws, keys: Keys) -> Iterator[ConfigurationSite]:
    s3 = client(aws, "s3", "prod")
    bucket = make_bucket(s3, "configuration", "us-east-1", locked=True)
    yield Real(source=shop().source, store=S3Bucket(bucket, "us-east-1"), keys=keys.sealer)
    aws.reach.restore_all()
    destroy_bucket(s3, bucket)


def test_it_is_locked_as_a_whole_verified_and_opened_by_the_dr_region_s_key_alone(
    stored: ConfigurationSite, keys: Keys, aws: Aws, tmp_path: Path
) -> None:
    made = stored.back_up()
    held = stored.store.head(made.manifest_key)  # of the parts moto forgets it: tests/unit/engines/configuration
    assert abs((held.locked_until - made.manifest.retain_until).total_seconds()) < 2
    assert stored.verify().remark == "what is sealed was opened"
    everything = b"".join(b"".join(stored.store.stream(part.key)) for part in made.manifest.parts)
    assert PASSWORD.encode() not in everything and encoded(PASSWORD).encode() not in everything
    keys.disable("prod")
    order = plan(stored.store, "latest", FakeObjects(DR_UID), KmsOpener(), namespace="", secrets=True)
    assert {each.document.words for each in order.those("create")} >= {"secrets/order-login"}
    keys.disable("dr")
    assert stored.verify().remark.startswith("what is sealed is whole and was not opened: KMS refuses Decrypt of arn:")


@pytest.mark.parametrize(
    "fault", [refuses(503, "SlowDown"), refuses(500, "InternalError"), resets], ids=["503", "500", "reset"]
)
@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "PutObject"])
def test_what_s3_does_once_is_tried_again_and_for_good_it_is_no_backup(
    stored: ConfigurationSite, operation: str, fault: Fault
) -> None:  # fault 40
    faults = Faults(stored.store, operation, "configuration/", bulk=operation != "PutObject")
    faults.next = [fault]
    stored.back_up()
    assert faults.asked, "it was asked"
    stored.verify()
    faults.always = fault
    with pytest.raises((Failed, Unreachable)):
        stored.back_up()
    whole = [entry for entry in stored.engine.entries(stored.store) if entry.manifest]
    assert len(whole) == 1
    faults.always = None
    stored.verify()


def test_killed_at_every_request_it_leaves_nothing_doubled(aws: Aws, keys: Keys, tmp_path: Path) -> None:  # fault 39
    s3 = client(aws, "s3", "prod")
    bucket = make_bucket(s3, "configuration", "us-east-1", locked=True)
    site, killed = small(), Counter[str]()
    site.store, site.keys = S3Bucket(bucket, "us-east-1"), keys.sealer
    for number in range(1, MOST):
        said = tmp_path / str(number)
        when = ("before", "after")[number % 2]
        program = [sys.executable, "-m", "tests.support.killed_configuration_backup", bucket]
        process = subprocess.run(
            [*program, keys.sealer.dr, keys.sealer.prod, str(number), when],
            cwd=ROOT,
            env={**os.environ, "SAID": str(said)},
            capture_output=True,
            timeout=HUNG_SECONDS,
            check=False,
        )
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr.decode()
        assert PASSWORD.encode() not in process.stderr + process.stdout
        killed[said.read_text().rpartition(".")[2]] += 1
        folders = Counter(folder_of(item.key) for item in site.store.list("configuration/"))
        assert all(count <= 4 for count in folders.values())
    else:
        raise AssertionError(f"more than {MOST} requests")
    assert {"GenerateDataKey", "Encrypt", "CreateMultipartUpload", "CompleteMultipartUpload"} <= set(killed)
    whole = [entry.manifest for entry in site.engine.entries(site.store) if entry.manifest]
    assert len({manifest.id for manifest in whole}) == len(whole) >= 1
    assert site.back_up().pointer_moved
    destroy_bucket(s3, bucket)


def test_flipped_bytes_are_found_before_anything_is_applied(
    stored: ConfigurationSite, keys: Keys, tmp_path: Path
) -> None:  # fault 50
    made = stored.back_up()
    target = FakeObjects(DR_UID, namespace="ultramarket-dr")
    s3 = stored.store._quick
    for part in made.manifest.parts:
        whole = b"".join(stored.store.stream(part.key))
        broken = bytearray(whole)
        broken[len(broken) // 2] ^= 1
        s3.put_object(Bucket=stored.store.bucket, Key=part.key, Body=bytes(broken))
        with pytest.raises(Corrupt) as error:
            stored.verify()
        assert PASSWORD not in str(error.value)
        with pytest.raises(Corrupt):
            plan(stored.store, "latest", target, KmsOpener(), namespace="", secrets=True)
        s3.put_object(Bucket=stored.store.bucket, Key=part.key, Body=whole)
    assert target.applied == []


def test_without_the_dr_region_s_key_there_is_no_backup(stored: ConfigurationSite, keys: Keys) -> None:
    keys.disable("dr")
    with pytest.raises(Refused, match="KMS refuses GenerateDataKey"):
        stored.back_up()
    assert not [item.key for item in stored.store.list("") if item.key.endswith("manifest.json")]


def test_with_production_s_region_gone_the_dr_site_copies_on_and_says_so(
    stored: ConfigurationSite, keys: Keys, aws: Aws
) -> None:
    s3 = client(aws, "s3", "dr", "us-west-2")
    bucket = make_bucket(s3, "configuration", "us-west-2", locked=True)
    stored.store = S3Bucket(bucket, "us-west-2")
    aws.reach.region_gone("us-east-1", how="refused")
    (remark,) = stored.back_up().manifest.remarks
    assert "the key of production's region does not open its Secrets: KMS did not answer" in remark
    assert stored.verify().remark == "what is sealed was opened"
    destroy_bucket(s3, bucket)
