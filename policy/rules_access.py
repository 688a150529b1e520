"""Who may do what, who is told: roles, attachments, alarms, topics, registries."""

from policy.comparisons import contains_all, fixed, kept, longer, must_be, neutral, shorter, watched
from policy.needs import role_policy, trust_policy
from policy.rule import Rule
from policy.statements import policy_document
from policy.verdict import Verdict

_WIDENS = "permission widened"

ACCESS_RULES: dict[str, tuple[Rule, ...]] = {
    "aws:iam/role:Role": (
        Rule("assumeRolePolicy", trust_policy(), "who may take the role"),
        Rule("maxSessionDuration", shorter(default=3600), "a stolen session lives longer"),
        Rule("permissionsBoundary", fixed(), "the boundary of what the role can ever be given"),
        Rule("managedPolicyArns", contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER), _WIDENS),
        Rule("forceDetachPolicies", neutral(), "how the role is removed"),
        Rule("name", watched(), "another role: who refers to it by name no longer finds it"),
        Rule("path", watched(), "another role"),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        Rule("policy", role_policy(), "what the role may do"),
        Rule("role", watched(), "another role gets the permission"),
        Rule("name", neutral(), "the policy's name"),
    ),
    "aws:iam/policy:Policy": (Rule("policy", role_policy(), "what its holders may do"),),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        Rule("policyArn", fixed(), "other permissions for the role"),
        Rule("role", fixed(), "another role gets the permissions"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Rule("actionsEnabled", must_be(True, default=True), "the alarm tells nobody"),
        Rule("alarmActions", contains_all(), "fewer are told"),
        Rule("okActions", contains_all(more=Verdict.NEUTRAL), "fewer are told"),
        Rule("insufficientDataActions", contains_all(more=Verdict.NEUTRAL), "fewer are told"),
        Rule("evaluationPeriods", shorter(), "the alarm comes later"),
        Rule("datapointsToAlarm", shorter(), "the alarm comes later"),
        Rule("period", shorter(), "the alarm comes later"),
        Rule("treatMissingData", must_be("breaching"), "silence is taken for health"),
        Rule("threshold", watched(), "when the alarm comes"),
        Rule("alarmDescription", neutral(), "a description"),
    ),
    "aws:cloudwatch/eventRule:EventRule": (
        Rule("state", must_be("ENABLED", default="ENABLED"), "nobody is told of the event"),
        Rule("isEnabled", must_be(True, default=True), "nobody is told of the event"),
        Rule("eventPattern", watched(), "which events are told"),
        Rule("eventBusName", watched(), "which events are told"),
        Rule("name", watched(), "another rule"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (
        Rule("arn", watched(), "who is told"),
        Rule("rule", watched(), "what is told"),
        Rule("targetId", neutral(), "the target's name"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (Rule("retentionInDays", longer(missing=float("inf")), "logs end sooner"),),
    "aws:sns/topic:Topic": (
        Rule("kmsMasterKeyId", watched(), "another key"),
        Rule("policy", policy_document(), "who may publish and subscribe"),
        Rule("displayName", neutral(), "a name"),
        Rule("name", watched(), "another topic"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (Rule("policy", policy_document(), "who may publish and subscribe"),),
    "aws:sns/topicSubscription:TopicSubscription": (
        Rule("endpoint", watched(), "who is told"),
        Rule("protocol", watched(), "how they are told"),
        Rule("filterPolicy", watched(), "what they are told"),
    ),
    "aws:cloudtrail/trail:Trail": (
        Rule("enableLogging", must_be(True, default=True), "no audit log"),
        Rule("isMultiRegionTrail", must_be(True, default=False), "no audit log of the other regions"),
        Rule("enableLogFileValidation", must_be(True, default=False), "an altered log is not noticed"),
    ),
    "aws:ecr/repository:Repository": (
        Rule("imageTagMutability", must_be("IMMUTABLE", default="MUTABLE"), "mutable image tags"),
        Rule("forceDelete", must_be(False, default=False), "a destroy deletes the images"),
        Rule("imageScanningConfiguration.scanOnPush", must_be(True, default=False), "images are not scanned"),
    ),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": (
        Rule("replicationConfiguration", kept(), "images are not at the DR site"),
        Rule("replicationConfiguration.rules", kept(), "images are not at the DR site"),
        Rule("replicationConfiguration.rules[*]", kept(), "images are not at the DR site"),
        Rule("replicationConfiguration.rules[*].destinations", contains_all(), "images are not at the DR site"),
        Rule("replicationConfiguration.rules[*].repositoryFilters", watched(), "which images are copied"),
    ),
    "aws:ecr/registryPolicy:RegistryPolicy": (Rule("policy", policy_document(), "who may replicate"),),
}
