"""Calls as CloudTrail recorded them, each with where it was published, and EventBridge's way to a rule.

Shortened by what no pattern asks for; the names of roles, buckets and topics are ours.
"""

import re
from collections.abc import Mapping
from typing import Any

from recovery.access.tampering import Watched
from recovery.names import Names

Event = Mapping[str, Any]


def record(service: str, name: str, *, region: str = "us-west-2", **fields: Any) -> Event:
    """The parts that all records share, and `fields`."""
    detail = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "awsRegion": region}
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {**detail, "readOnly": False, "requestParameters": None, "responseElements": None, **fields},
    }


def assumed(role_arn: str) -> Event:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html (role chaining). `readOnly` as
    `aws cloudtrail lookup-events` tells it of AssumeRole."""
    return record(
        "sts",
        "AssumeRole",
        readOnly=True,
        userIdentity={"type": "AssumedRole", "arn": "arn:aws:sts::111111111111:assumed-role/JohnDoe/JohnRole1"},
        requestParameters={
            "incomingTransitiveTags": {"Department": "Engineering"},
            "tags": [{"value": "12345", "key": "CostCenter"}],
            "roleArn": role_arn,
            "roleSessionName": "Role2WithTags",
            "durationSeconds": 3600,
        },
        resources=[{"ARN": role_arn, "accountId": "111111111111", "type": "AWS::IAM::Role"}],
    )


def refused(service: str, name: str, resource: str, **more: Any) -> Event:
    """Of an IAM user without the permission: no parameters, and a sentence that names the resource. As in the tests of
    https://github.com/panther-labs/panther-analysis, rules/aws_cloudtrail_rules/aws_unauthorized_api_call.yml."""
    said = f"User: arn:aws:iam::123456789012:user/tester is not authorized to perform: {service}:{name} on resource: "
    return record(
        service,
        name,
        userIdentity={"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/tester", "invokedBy": "signin"},
        errorCode="AccessDenied",
        errorMessage=said + resource,
        **more,
    )


def role_rewritten(role: str) -> Event:
    """https://stratus-red-team.cloud/attack-techniques/AWS/aws.persistence.iam-backdoor-role/ (detonation log)."""
    policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}'
    parameters = {"policyDocument": policy, "roleName": role}
    return record("iam", "UpdateAssumeRolePolicy", region="us-east-1", requestParameters=parameters)


def bucket_policy_deleted(bucket: str, **more: Any) -> Event:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html"""
    return record("s3", "DeleteBucketPolicy", requestParameters={"bucketName": bucket}, **more)


def topic_deleted(topic_arn: str) -> Event:
    """https://docs.aws.amazon.com/sns/latest/dg/logging-using-cloudtrail.html"""
    return record("sns", "DeleteTopic", requestParameters={"topicArn": topic_arn})


def rule_put(name: str) -> Event:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-logging-monitoring.html"""
    parameters = {"description": "", "name": name, "state": "ENABLED", "eventPattern": "{}", "scheduleExpression": ""}
    return record("events", "PutRule", requestParameters=parameters)


def logging_stopped(trail: str) -> Event:
    """https://github.com/panther-labs/panther-analysis, rules/aws_cloudtrail_rules/aws_cloudtrail_stopped.yml"""
    return record("cloudtrail", "StopLogging", requestParameters={"name": trail})


def told(watched: Watched, names: Names, event: Event) -> bool:
    """Whether the rule sends this event. A rule that is merely enabled gets none of a call that only reads."""
    if event["detail"]["readOnly"] and watched.state == "ENABLED":
        return False
    return matches(watched.pattern(names, names.account), event)


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """EventBridge's rule: a block must fit in all its keys, a list in one of its values.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html"""
    return isinstance(event, Mapping) and all(
        any(matches(block, event) for block in wanted)
        if key == "$or"
        else matches(wanted, event.get(key))
        if isinstance(wanted, Mapping)
        else any(_fits(one, found) for one in wanted for found in _found(event, key))
        for key, wanted in pattern.items()
    )


def _found(event: Mapping[str, Any], key: str) -> list[Any]:
    """The values to compare: those of a list one by one; none when the key is absent."""
    value = event.get(key)
    return value if isinstance(value, list) else [value] if key in event else []


def _fits(wanted: Any, found: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return found == wanted
    ((operator, text),) = wanted.items()
    if operator == "prefix":
        return isinstance(found, str) and found.startswith(text)
    if operator == "wildcard":
        anything = ".*".join(re.escape(part) for part in text.split("*"))
        return isinstance(found, str) and re.fullmatch(anything, found, re.DOTALL) is not None
    raise NotImplementedError(operator)
