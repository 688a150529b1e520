"""How S3's copying of a bucket to another region stands: its rule, and the metrics it publishes. Nothing is listed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.s3_errors import code_of, worded
from cloud.session import client
from recovery.errors import Unreachable
from recovery.names import REPLICATION_RULE
from recovery.ports.metrics import ReplicationSeen

FAILED_FOR = timedelta(days=3)
"""How long a failure is told: a weekend."""
_HEARD_FOR = timedelta(minutes=30)


class S3Replication:
    """ReplicationSource (recovery.ports) of bucket `bucket` in `region`, copied to `copy` in `copy_region`."""

    def __init__(self, bucket: str, region: str, copy: str, copy_region: str) -> None:
        self.bucket, self.region, self._copy, self._copy_region = bucket, region, copy, copy_region
        self._s3: Any = client("s3", region, timeout=2.0, attempts=2)
        self._there: Any = client("s3", copy_region, timeout=2.0, attempts=2)
        self._cloudwatch = {each: client("cloudwatch", each, timeout=2.0, attempts=2) for each in (region, copy_region)}

    def seen(self, now: datetime) -> ReplicationSeen:
        """What is waiting is published where the copies are, what failed where they come from, and only when something
        did. https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html Raises Unreachable, Refused."""
        failed = self._values(self.region, "OperationsFailedReplication", "Sum", now - FAILED_FOR, now, 3600)
        waiting = {
            name: self._values(self._copy_region, name, "Maximum", now - _HEARD_FOR, now, 60)
            for name in ("OperationsPendingReplication", "BytesPendingReplication", "ReplicationLatency")
        }
        newest = {name: values[max(values)] if values else None for name, values in waiting.items()}
        at = max((moment for moment, value in failed.items() if value), default=None)
        return ReplicationSeen(
            problem=self._problem(),
            failed=int(sum(failed.values())),
            failed_at=at,
            pending=newest["OperationsPendingReplication"],
            pending_bytes=newest["BytesPendingReplication"],
            behind=newest["ReplicationLatency"],
        )

    def _problem(self) -> str:
        with worded(self, "read its replication rule"):
            try:
                answer = self._s3.get_bucket_replication(Bucket=self.bucket)
            except ClientError as error:
                if code_of(error) != "ReplicationConfigurationNotFoundError":
                    raise
                return "it has no replication rule"
            rules = answer["ReplicationConfiguration"]["Rules"]
            ours = [each for each in rules if each["Destination"]["Bucket"].rpartition(":")[2] == self._copy]
            if not any(each.get("Status") == "Enabled" for each in ours):
                return f"no rule copies it to {self._copy}" + (": it is switched off" if ours else "")
            for s3, bucket in ((self._s3, self.bucket), (self._there, self._copy)):
                if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
                    return f"{bucket} does not keep versions any more"
        return ""

    def _values(
        self, region: str, metric: str, statistic: str, start: datetime, end: datetime, period: int
    ) -> Mapping[datetime, float]:
        dimensions = {"SourceBucket": self.bucket, "DestinationBucket": self._copy, "RuleId": REPLICATION_RULE}
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        asked = {"Namespace": "AWS/S3", "MetricName": metric, "Dimensions": named}
        query = {"Id": "wanted", "MetricStat": {"Metric": asked, "Period": period, "Stat": statistic}}
        try:
            answer = self._cloudwatch[region].get_metric_data(MetricDataQueries=[query], StartTime=start, EndTime=end)
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(
                f"CloudWatch in {region} did not say how replication of {self.bucket} stands: {error}",
                next_step="see the region, and whether this role may call cloudwatch:GetMetricData",
            ) from None
        found = answer["MetricDataResults"][0]
        return dict(zip(found["Timestamps"], found["Values"], strict=True))
