"""Which calls in the account people are told of, and who may publish an alarm. Pure data and functions.

Events of calls: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recovery.names import Names
from recovery.policies import Document, Statement, document

Pattern = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One kind of call: `pattern` selects it among the calls in an account."""

    name: str
    why: str
    pattern: Callable[[Names, str], Pattern]


def _key_calls(_: Names, __: str) -> Pattern:
    """Of any key: one that is not ours is no smaller surprise, and a list of ours could be forgotten to grow."""
    # PutKeyPolicy comes first in an attack: the policy is what denies the deletion.
    return _calls("kms", ["ScheduleKeyDeletion", "DisableKey", "DisableKeyRotation", "PutKeyPolicy"])


def _break_glass_calls(names: Names, account: str) -> Pattern:
    return _calls("sts", ["AssumeRole"], {"roleArn": [names.role_arn("break-glass", account)]})


def _calls(service: str, names: list[str], parameters: Pattern | None = None) -> Pattern:
    """Refused attempts as well: they are the better warning."""
    detail: Pattern = {"eventSource": [f"{service}.amazonaws.com"], "eventName": names}
    if parameters:
        detail["requestParameters"] = parameters
    return {"source": [f"aws.{service}"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}


KEY = Watched(
    name="key",
    why="A key that is gone takes every copy with it; a scheduled deletion can be cancelled for 30 days",
    pattern=_key_calls,
)
BREAK_GLASS = Watched(
    name="break-glass",
    why="Somebody takes the role that may delete copies: ask who and why",
    pattern=_break_glass_calls,
)
TAMPERING = (KEY, BREAK_GLASS)


def topic_policy(names: Names, region: str, account: str) -> Document:
    """Of `account`'s topic: EventBridge publishes for our rules, CloudWatch for its alarms, nobody else's do."""
    topic = names.alarm_topic_arn(region, account)
    rules = {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{region}:{account}:rule/{names.alarm_rule('*')}"}}
    own: Document = {"StringEquals": {"aws:SourceAccount": account}}
    return document(
        _publish("Rules", "events.amazonaws.com", topic, rules),
        _publish("MetricAlarms", "cloudwatch.amazonaws.com", topic, own),
    )


def _publish(sid: str, service: str, topic: str, condition: Document) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sns:Publish"],
        "Resource": [topic],
        "Condition": condition,
    }
