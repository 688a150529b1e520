"""Who may do what, who is told: roles, attachments, alarms, topics, registries."""

from policy.comparisons.basic import contains_all, fixed, kept, must_be, ranked, shorter, size
from policy.comparisons.copies_need import ROLE_POLICY, TRUST_POLICY
from policy.comparisons.documents import policy_document
from policy.rule import Rule, Subject
from policy.rules.shorthand import GROWS, Known, each, ends, ignore, protects
from policy.verdict import Verdict

_NO_SILENCE = must_be("breaching", default="missing")
_IMAGES = "replicationConfiguration"
# The last one hears also of calls that only read, as AssumeRole is said to be.
_RULE_STATES = ("DISABLED", "ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


def _always_published(subject: Subject) -> bool:
    """S3 counts failed copies only while there are some: silence is health, and every other metric's is not."""
    return subject.inputs.get("metricName") != "OperationsFailedReplication"


ACCESS_RULES: dict[str, Known] = {
    "aws:iam/role:Role": (
        ends("the duty can no longer be done"),
        Rule("assumeRolePolicy", TRUST_POLICY, "who may take the role"),
        Rule("maxSessionDuration", shorter(default=3600), "a stolen session lives longer"),
        Rule("permissionsBoundary", fixed(), "the boundary of what the role can ever be given"),
        Rule("managedPolicyArns", GROWS, "permission widened"),
        *ignore("forceDetachPolicies"),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        ends("the duty can no longer be done"),
        Rule("policy", ROLE_POLICY, "what the role may do"),
        *ignore("name"),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        ends("the duty can no longer be done"),
        *each("policyArn role", fixed(), "another permission"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        ends("nobody is told"),
        Rule("actionsEnabled", must_be(True, default=True), "the alarm tells nobody"),
        Rule("alarmActions", contains_all(), "fewer are told"),
        *each("okActions insufficientDataActions", contains_all(more=Verdict.NEUTRAL), "fewer are told"),
        *each("evaluationPeriods datapointsToAlarm period", shorter(), "the alarm comes later"),
        Rule("treatMissingData", _NO_SILENCE, "silence is taken for health", _always_published),
        *ignore("alarmDescription"),
    ),
    "aws:cloudwatch/eventRule:EventRule": (
        ends("nobody is told"),
        Rule("state", ranked(*_RULE_STATES, default="ENABLED"), "nobody is told of the event"),
        Rule("isEnabled", must_be(True, default=True), "nobody is told of the event"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (ends("nobody is told"), *ignore("targetId")),
    "aws:cloudwatch/logGroup:LogGroup": (
        protects("who did what in the cluster is not kept"),
        Rule("retentionInDays", size(default=float("inf"), more=Verdict.STRONGER), "logs end sooner"),
    ),
    "aws:sns/topic:Topic": (
        ends("nobody is told"),
        Rule("policy", policy_document(), "who may publish and subscribe"),
        *ignore("displayName"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (
        ends("nobody can publish to the topic: nobody is told"),
        Rule("policy", policy_document(), "who may publish and subscribe"),
    ),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": (
        ends("images are not at the DR site"),
        *each(f"{_IMAGES} {_IMAGES}.rules {_IMAGES}.rules[*]", kept(), "images are not at the DR site"),
        Rule(f"{_IMAGES}.rules[*].destinations", contains_all(), "images are not at the DR site"),
    ),
}
