"""Tells people when somebody reaches for what protects the copies, for the roles that may, or for the alarms."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.access.tampering import TAMPERING
from recovery.names import Names


@dataclass(frozen=True, kw_only=True)
class TamperAlarmArgs:
    """EventBridge sees the calls of its own region and account only, so each has its alarm and its topic."""

    names: Names
    region: str
    account: str
    topic_arn: pulumi.Input[str]


class TamperAlarm(pulumi.ComponentResource):
    """One rule a kind of call. EventBridge hears of calls from CloudTrail: the account needs a trail that records
    management events in this region, or these rules never match."""

    def __init__(self, name: str, args: TamperAlarmArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:TamperAlarm", name, None, opts)
        for watched in TAMPERING:
            if watched.only_in not in ("", args.region):
                continue
            rule = aws.cloudwatch.EventRule(
                f"{name}-{watched.name}",
                name=args.names.alarm_rule(watched.name),
                region=args.region,
                description=watched.why,
                event_pattern=json.dumps(watched.pattern(args.names, args.account)),
                state=watched.state,
                opts=as_child(self),
            )
            aws.cloudwatch.EventTarget(
                f"{name}-{watched.name}-target",
                rule=rule.name,
                region=args.region,
                target_id="alarms",
                arn=args.topic_arn,
                opts=as_child(self),
            )
        self.register_outputs({})
