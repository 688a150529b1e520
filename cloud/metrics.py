"""Levels as metrics of one region's CloudWatch."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.session import client
from recovery.errors import Unreachable
from recovery.names import LEVEL_METRIC, METRICS_NAMESPACE


class CloudWatchMetrics:
    """MetricSink (recovery.ports.metrics) in `region`. A region that is gone costs a few seconds."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._cloudwatch: Any = client("cloudwatch", region, timeout=2.0, attempts=2)

    def put(self, levels: Mapping[str, int]) -> None:
        """One value of the level metric for each name, at the time of their arrival. Raises Unreachable."""
        data = [
            {"MetricName": LEVEL_METRIC, "Dimensions": [{"Name": "Finding", "Value": name}], "Value": level}
            for name, level in levels.items()
        ]
        try:
            self._cloudwatch.put_metric_data(Namespace=METRICS_NAMESPACE, MetricData=data)
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(
                f"CloudWatch in {self.region} did not take the findings: {error}",
                next_step="its alarms on what they no longer hear go off; see the region, and the monitor's role",
            ) from None
