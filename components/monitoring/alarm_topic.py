"""Where one region's alarms go, and who is told."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.children import as_child
from recovery.access.tampering import topic_policy
from recovery.names import Names


@dataclass(frozen=True, kw_only=True)
class AlarmTopicArgs:
    """`region` and `account` as EventBridge and CloudWatch only publish to their own."""

    names: Names
    region: str
    account: str


class AlarmTopic(pulumi.ComponentResource):
    """An SNS topic that this account's alarms may publish to. People subscribe by hand: why is in ADR 11."""

    def __init__(self, name: str, args: AlarmTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:AlarmTopic", name, None, opts)
        names, region = args.names, args.region
        self.topic = aws.sns.Topic(
            f"{name}-topic",
            name=names.alarm_topic,
            region=region,
            display_name="UltraMarket DR",
            opts=as_child(self),
        )
        aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=self.topic.arn,
            region=region,
            policy=json.dumps(topic_policy(names, region, args.account)),
            opts=as_child(self),
        )
        self.arn = self.topic.arn
        self.register_outputs({"arn": self.arn})
