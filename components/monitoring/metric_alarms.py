"""Tells people when a metric says that a failover would not work, or that one is needed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.monitoring.alarms import alarms
from recovery.names import Names


@dataclass(frozen=True, kw_only=True)
class MetricAlarmsArgs:
    """`topics` by region; `health_checks` are ids by the words that stand for them in the table of alarms; `assets` is
    production's bucket of static assets, when it is copied."""

    names: Names
    topics: Mapping[str, pulumi.Input[str]]
    health_checks: Mapping[str, pulumi.Input[str]]
    assets: str


class MetricAlarms(pulumi.ComponentResource):
    """One CloudWatch alarm a row of `recovery.monitoring.alarms`: each in the region of its metric, which is also the
    one whose topic it may tell. Its end is told as its beginning is."""

    def __init__(self, name: str, args: MetricAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:MetricAlarms", name, None, opts)
        for alarm in alarms(args.names, assets=args.assets):
            topic = args.topics[alarm.region]
            aws.cloudwatch.MetricAlarm(
                f"{name}-{alarm.name}",
                name=args.names.alarm_rule(alarm.name),
                region=alarm.region,
                alarm_description=alarm.why,
                namespace=alarm.namespace,
                metric_name=alarm.metric,
                dimensions={key: args.health_checks.get(value, value) for key, value in alarm.dimensions.items()},
                statistic=alarm.statistic,
                comparison_operator=alarm.comparison,
                threshold=alarm.threshold,
                period=int(alarm.period.total_seconds()),
                evaluation_periods=alarm.periods,
                treat_missing_data=alarm.silence,
                alarm_actions=[topic],
                ok_actions=[topic],
                opts=as_child(self),
            )
        self.register_outputs({})
