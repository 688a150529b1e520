"""`dr status` as an operator runs it, on a real standby, AWS's stand-in and HTTP."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.machine.processes import HUNG_SECONDS, wait_until
from operations.monitoring.findings import WORDS
from recovery.names import MARKER_KEY, METRICS_NAMESPACE
from tests.support.clients import client
from tests.support.command_line import DR
from tests.support.plans import ROOT
from tests.support.promotion_site import DrSite
from tests.support.promotion_site import dr_site as dr_site  # a fixture


def status(site: DrSite, *options: str, said: str = "") -> tuple[int, dict[str, Any]]:
    """Exit code and findings by name. `said` is in what goes to standard error."""
    arguments = ["--bundle", str(site.folder / "bundle.json"), "--kubeconfig", str(site.folder / "kubeconfig")]
    done = subprocess.run(
        [DR, "status", "--json", *options, *arguments],
        cwd=ROOT, env=site.environment(), capture_output=True, text=True, timeout=HUNG_SECONDS, check=False,
    )  # fmt: skip
    assert said in done.stderr if said else done.stderr == ""
    return done.returncode, json.loads(done.stdout)["findings"]


def settled(site: DrSite, true: Callable[[dict[str, str]], bool]) -> dict[str, Any]:
    """The findings, asked for again until their levels are so: on a busy machine an answer may come too late for one
    look, and the standby's stream pause."""
    found: dict[str, Any] = {}

    def so() -> bool:
        found.update(status(site)[1])
        return true({name: each["level"] for name, each in found.items()})

    wait_until(so, what="these levels")
    return found


@pytest.fixture
def buckets(dr_site: DrSite) -> Iterator[dict[str, Any]]:
    """An S3 client for each site's backup bucket, which exists and is empty."""
    made: dict[str, Any] = {
        name: client(dr_site.aws, "s3", "operator", region)
        for name, region in (("prod", "us-east-1"), ("dr", "us-west-2"))
    }
    made["prod"].create_bucket(Bucket=dr_site.names.backup_bucket("prod"))  # the other is the site's own
    yield made
    dr_site.aws.reach.restore_all()
    for name, s3 in made.items():
        bucket = dr_site.names.backup_bucket(name)  # type: ignore[arg-type]
        for each in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
    made["prod"].delete_bucket(Bucket=dr_site.names.backup_bucket("prod"))


def test_an_open_upload_is_seen_and_without_production_s_region_the_rest_is_told(
    dr_site: DrSite, buckets: dict[str, Any]
) -> None:
    bucket = dr_site.names.backup_bucket("prod")
    buckets["prod"].create_multipart_upload(Bucket=bucket, Key="postgres/full/00000001/x/y/base.tar.zst")
    # To the stand-in every upload began in 2010.
    good = {"uploads prod": "CRITICAL", "uploads dr": "OK", "standby": "OK", "services": "OK"}
    found = settled(dr_site, lambda levels: good.items() <= levels.items())
    assert found["uploads prod"]["words"].startswith(f"{bucket}: 1 left open by a backup that was killed, the oldest ")
    assert found["uploads dr"]["words"].endswith("none is open")
    assert "`dr backup postgres full`" in found["backup postgres full"]["next_step"]

    dr_site.aws.reach.region_gone("us-east-1", "blackhole")
    # Production's guard never reported here, and it is what tells of slots; no pruner ever looked; this site was never
    # given the Deployment of a server beside.
    unknown = {"uploads prod", "slots", "hidden prod", "hidden dr", "beside"}
    settled(dr_site, lambda levels: {name for name, level in levels.items() if level == "UNKNOWN"} == unknown)


def test_the_control_table_is_asked_at_production_s_replica_when_the_own_one_is_silent(dr_site: DrSite) -> None:
    dr_site.aws.reach.cut("operator", "us-west-2", "blackhole", "dynamodb")
    found = settled(dr_site, lambda levels: "UNKNOWN" not in (levels["lease"], levels["promotion"]))
    assert found["lease"]["words"].startswith("site prod, epoch 1, held")
    assert found["promotion"]["words"] == "none"


def test_after_a_promotion_the_timeline_is_the_new_one_and_a_deleted_marker_is_critical(dr_site: DrSite) -> None:
    dr_site.lose_production()
    assert dr_site.promote("--execute").returncode == 0
    found = settled(dr_site, lambda levels: (levels["standby"], levels["marker"]) == ("OK", "OK"))
    assert found["standby"]["words"] == "the DR database is a primary, timeline 2"
    dr_site.s3.delete_object(Bucket=dr_site.names.marker_bucket, Key=MARKER_KEY)
    found = settled(dr_site, lambda levels: (levels["marker"], levels["standby"]) == ("CRITICAL", "OK"))
    assert status(dr_site)[0] == 2
    assert "nobody takes orders" in found["marker"]["words"] and "--execute" in found["marker"]["next_step"]


def test_findings_are_published_in_both_regions_and_in_one_when_the_other_is_gone(dr_site: DrSite) -> None:
    def levels(region: str) -> dict[str, float]:
        """The last published value by finding, as an alarm of that region would get it."""
        cloudwatch = client(dr_site.aws, "cloudwatch", "operator", region)
        now = datetime.now(UTC)
        period = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(hours=1), "Period": 7200}
        found: dict[str, float] = {}
        for each in cloudwatch.list_metrics(Namespace=METRICS_NAMESPACE)["Metrics"]:
            statistics = cloudwatch.get_metric_statistics(
                Namespace=METRICS_NAMESPACE,
                MetricName=each["MetricName"],
                Dimensions=each["Dimensions"],
                Statistics=["Maximum"],
                **period,
            )
            (dimension,) = each["Dimensions"]
            (point,) = statistics["Datapoints"]
            found[dimension["Value"]] = point["Maximum"]
        return found

    # Asking first makes the stand-in load CloudWatch, for which `dr status` would not wait.
    assert (levels("us-west-2"), levels("us-east-1")) == ({}, {})
    assert status(dr_site)[1]["wall dr"]["words"] == "never checked"
    published = status(dr_site, "--publish")
    assert published[0] == 0
    # It has tried the wall before it looked.
    tried = f"the database at {dr_site.standby.address}:5432 keeps the application out"
    assert published[1]["wall dr"]["words"].startswith(tried)
    here = levels("us-west-2")
    assert set(here) == {*published[1], "worst"}
    assert here["standby"] == WORDS.index(published[1]["standby"]["level"])
    assert levels("us-east-1") == {"worst": here["worst"]}

    dr_site.aws.reach.region_gone("us-east-1", "blackhole")
    code, _ = status(dr_site, "--publish", said="CloudWatch in us-east-1 did not take the findings")
    assert code == 0
