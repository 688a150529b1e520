"""Which calls in the account people are told of, and who may publish an alarm. Pure data and functions.

Calls come from CloudTrail: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
A pattern's words: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from recovery.access.documents import Document, Statement, document
from recovery.names import PREFIX, Names
from recovery.plan.plan import SITES, Plan

Pattern = dict[str, Any]
GLOBAL_REGION = "us-east-1"
"""Where IAM's calls are events, and nowhere else: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One kind of call: `pattern` selects it among the calls in an account."""

    name: str
    why: str
    pattern: Callable[[Names, str], Pattern]
    reads: bool = False  # CloudTrail counts the call as one that only reads
    only_in: str = ""  # the one region that hears of it; empty: each region hears of its own

    @property
    def state(self) -> str:
        """Of the rule. A rule that is merely enabled never sees calls that only read; AssumeRole counts as one:
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html"""
        return "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" if self.reads else "ENABLED"


def _key_calls(_: Names, __: str) -> Pattern:
    """Of any key: one that is not ours is no smaller surprise, and a list of ours could be forgotten to grow."""
    # PutKeyPolicy comes first in an attack: the policy is what denies the deletion.
    return _calls(_call("kms", ["ScheduleKeyDeletion", "DisableKey", "DisableKeyRotation", "PutKeyPolicy"]))


def _break_glass_calls(names: Names, account: str) -> Pattern:
    """A refused attempt has no parameters, only a sentence that names the role; a wrong MFA code is refused in a
    sentence without it, so those are told whichever role they were for."""
    role = names.role_arn("break-glass", account)
    refused = [_about(role), {"prefix": "MultiFactorAuthentication failed"}]
    return _calls(
        _call("sts", ["AssumeRole"], requestParameters={"roleArn": [role]}),
        _call("sts", ["AssumeRole"], errorMessage=refused),
    )


def _role_calls(names: Names, _: str) -> Pattern:
    """Whoever may change the role of a duty has that duty, break-glass among them, and takes no role that is watched.
    All of ours, since one that is gone or powerless closes a gate or ends the copies."""
    changes = ["UpdateAssumeRolePolicy", "PutRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "DeleteRolePolicy"]
    changes += ["PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "UpdateRole", "CreateRole", "DeleteRole"]
    return _calls(
        _call("iam", changes, requestParameters={"roleName": [{"prefix": names.role_name("")}]}),
        _call("iam", changes, errorMessage=[_about(f":role/{names.role_name('')}")]),
    )


def _bucket_calls(_: Names, __: str) -> Pattern:
    """Calls to change one of our buckets, refused by its policy or made under break-glass. S3 names the bucket also in
    what it refused."""
    settings = [{"prefix": verb} for verb in ("PutBucket", "DeleteBucket", "PutObjectLock", "PutPublicAccess")]
    stems = [{"prefix": f"{PREFIX}-{kind}-"} for kind in ("backups", "assets", "failover")]
    return _calls(_call("s3", settings, requestParameters={"bucketName": stems}))


def _alarm_calls(names: Names, _: str) -> Pattern:
    """Of any trail, for without one no rule here hears anything, and of our own rules, topics and metric alarms."""
    ours, topic = [{"prefix": names.alarm_rule("")}], [_about(f":{names.alarm_topic}")]
    rules = ["DeleteRule", "DisableRule", "PutRule", "RemoveTargets", "PutTargets"]
    topics = ["DeleteTopic", "SetTopicAttributes", "AddPermission", "Unsubscribe", "SetSubscriptionAttributes"]
    alarms = ["DeleteAlarms", "DisableAlarmActions", "PutMetricAlarm", "SetAlarmState"]
    return _calls(
        _call("cloudtrail", ["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"]),
        # Calls about a rule's targets name it as `rule`, those about the rule as `name`.
        _call("events", rules, requestParameters={"name": ours}),
        _call("events", rules, requestParameters={"rule": ours}),
        _call("sns", topics, requestParameters={"topicArn": topic}),
        # A subscription's ARN is its topic's and a random end.
        _call("sns", topics, requestParameters={"subscriptionArn": topic}),
        _call("monitoring", alarms, requestParameters={"alarmName": ours}),
        _call("monitoring", alarms, requestParameters={"alarmNames": ours}),
    )


def _call(service: str, names: Sequence[str | Pattern], **about: Pattern | list[Pattern]) -> Pattern:
    """Refused attempts as well: they are the better warning."""
    return {"eventSource": [f"{service}.amazonaws.com"], "eventName": [*names], **about}


def _calls(*calls: Pattern) -> Pattern:
    """Any one of these. Some services go by another name as source; nobody but AWS can send under "aws."."""
    detail = calls[0] if len(calls) == 1 else {"$or": [*calls]}
    return {"source": [{"prefix": "aws."}], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}


def _about(text: str) -> Pattern:
    return {"wildcard": f"*{text}*"}


KEY = Watched(
    name="key",
    why="A key that is gone takes every copy with it; a scheduled deletion can be cancelled for 30 days",
    pattern=_key_calls,
)
BREAK_GLASS = Watched(
    name="break-glass",
    why="Somebody takes the role that may delete copies, or was refused it: ask who and why",
    pattern=_break_glass_calls,
    reads=True,
)
ROLES = Watched(
    name="roles",
    why="Somebody changes who may take a role of ours, or what it may do: expected while foundation is applied only",
    pattern=_role_calls,
    only_in=GLOBAL_REGION,
)
BUCKETS = Watched(
    name="buckets",
    why="Somebody reaches for what protects the copies or the marker; refused unless it was break-glass",
    pattern=_bucket_calls,
)
ALARMS = Watched(
    name="alarms",
    why="Somebody takes these alarms apart, or the trail that they hear by; expected while foundation is applied only",
    pattern=_alarm_calls,
)
TAMPERING = (KEY, BREAK_GLASS, ROLES, BUCKETS, ALARMS)


def alarm_regions(plan: Plan) -> dict[str, str]:
    """By the name that a stack's resources carry: the sites' regions, and the one that alone hears of IAM and knows the
    health checks' metrics, when no site is there."""
    regions: dict[str, str] = {site: plan.site(site).region for site in SITES}
    return regions if GLOBAL_REGION in regions.values() else {**regions, "global": GLOBAL_REGION}


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
