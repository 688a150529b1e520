"""Where traffic goes and who reaches what: the public name, health checks, network, cluster."""

from dataclasses import replace

from policy.comparisons.addresses import is_https, ranges, wide
from policy.comparisons.basic import contains_all, fixed, kept, must_be, ranked, shorter, size
from policy.comparisons.copies_need import BUCKET_POLICY
from policy.comparisons.texts import as_json
from policy.rule import Rule, Subject
from policy.rules.shorthand import DESTROYS, GROWS, OFF, ON, each, ignore
from policy.values import MISSING, at, items, mapping
from policy.verdict import Verdict

_RANGES = ("cidrBlocks", "ipv6CidrBlocks")
_LETS_IN = contains_all(
    fewer=Verdict.STRONGER,
    more=Verdict.WEAKER,
    born=lambda ways: wide(
        [of for way in items(ways) if not is_https(way) for key in _RANGES for of in items(at(way, key))]
    ),
)
_ENFORCED = Rule("enableNetworkPolicy", must_be("true"), "gate bypassed: network policies not enforced")
# Any check will do when it comes, also one that is known only after apply.
_ARMED = replace(kept(stays=fixed()), blind=True)
_LOOKS = "marker check replaced: it looks at something else"
_API = "public access: more addresses reach the cluster's API"
_NODE_ROLE = "Pods may take their node's role"
_NODES = "scalingConfig.minSize scalingConfig.desiredSize scalingConfig.maxSize"


def _is_secondary(subject: Subject) -> bool:
    """Whether a record is the SECONDARY of the pair."""
    policies = items(at(subject.inputs, "failoverRoutingPolicies"))
    return any(mapping(each).get("type") == "SECONDARY" for each in policies)


def _is_public(subject: Subject) -> bool:
    return at(subject.inputs, "vpcConfig", "endpointPublicAccess") in (True, MISSING)


NETWORK_RULES: dict[str, tuple[Rule, ...]] = {
    "aws:route53/record:Record": (
        Rule("healthCheckId", fixed(), "SECONDARY given a check: unhealthy, it sends everybody back", _is_secondary),
        Rule("healthCheckId", _ARMED, "the marker check, by which the marker moves the name"),
        Rule("ttl", shorter(), "clients keep the dead site's address for longer"),
        *each("records failoverRoutingPolicies type", fixed(), "moves traffic"),
        Rule("aliases", fixed(), "with an alias the target's own health counts"),
        *each("name zoneId", DESTROYS, "the public name goes away"),
    ),
    "aws:route53/healthCheck:HealthCheck": (
        Rule("invertHealthcheck", fixed(), "marker check un-inverted, or the canary's inverted"),
        Rule("disabled", OFF, "a disabled check always says the same"),
        Rule("failureThreshold", shorter(), "the marker is believed later"),
        Rule("requestInterval", DESTROYS, "a replaced check counts as unhealthy until it has data: moves traffic"),
        *each("type measureLatency referenceName", DESTROYS, _LOOKS),
        *each("fqdn resourcePath searchString port ipAddress", fixed(), _LOOKS),
        Rule("enableSni", must_be(True, default=True), _LOOKS),
        Rule("regions", contains_all(none_is_all=True), "fewer places look"),
    ),
    "aws:ec2/vpc:Vpc": (
        Rule("cidrBlock", DESTROYS, "another network"),
        Rule("enableDnsHostnames", ON, "endpoints are not found by name"),
        Rule("enableDnsSupport", must_be(True, default=True), "endpoints are not found by name"),
    ),
    "aws:ec2/subnet:Subnet": (Rule("mapPublicIpOnLaunch", OFF, "public access: public addresses"),),
    "aws:ec2/securityGroup:SecurityGroup": (
        Rule("ingress", _LETS_IN, "the network lets in more"),
        Rule("egress", GROWS, "the network lets out more"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": each(
        "cidrIpv4 cidrIpv6", ranges(), "the network lets in more addresses"
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        Rule("policy", BUCKET_POLICY, "who gets through the endpoint"),
        Rule("subnetIds", contains_all(), "zones dropped"),
        Rule("routeTableIds", contains_all(), "subnets without a way to the service"),
        Rule("privateDnsEnabled", must_be(True, default=False, new=False), "the name leads past the endpoint"),
    ),
    "aws:eks/cluster:Cluster": (
        Rule("vpcConfig.publicAccessCidrs", ranges(default="0.0.0.0/0"), _API, _is_public),
        Rule("vpcConfig.publicAccessCidrs", ranges(), _API),
        Rule("vpcConfig.endpointPublicAccess", must_be(False, default=True, new=False), "public access to the API"),
        Rule("vpcConfig.endpointPrivateAccess", ON, "nodes and operators go around outside"),
        Rule("vpcConfig.subnetIds", contains_all(more=Verdict.NEUTRAL), "zones dropped"),
        Rule("encryptionConfig", kept(), "secrets unencrypted in the cluster's store"),
        Rule("encryptionConfig.resources", contains_all(), "secrets unencrypted in the cluster's store"),
        Rule("enabledClusterLogTypes", contains_all(), "no audit log"),
        Rule("version", size(), "an older Kubernetes"),
        Rule("deletionProtection", must_be(True, default=False, new=False), "protection off"),
        Rule("accessConfig.authenticationMode", ranked("CONFIG_MAP", "API_AND_CONFIG_MAP", "API"), "who gets in"),
        *each("name roleArn", DESTROYS, "another cluster"),
        *ignore("upgradePolicy.supportType"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        Rule("metadataOptions.httpTokens", ranked("optional", "required"), _NODE_ROLE),
        Rule("metadataOptions.httpPutResponseHopLimit", shorter(), _NODE_ROLE),
        Rule("metadataOptions.httpEndpoint", ranked("enabled", "disabled", least="enabled"), _NODE_ROLE),
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        *each(_NODES, size(), "fewer nodes"),
        Rule("subnetIds", contains_all(more=Verdict.NEUTRAL), "zones dropped"),
        Rule("diskSize", size(), "less disk"),
        Rule("version", size(), "an older Kubernetes"),
        *ignore("labels[*]"),
    ),
    "aws:eks/addon:Addon": (
        Rule("configurationValues", as_json((_ENFORCED,)), "how the add-on works"),
        *ignore("addonVersion resolveConflictsOnCreate resolveConflictsOnUpdate"),
    ),
    "aws:eks/accessEntry:AccessEntry": (
        Rule("kubernetesGroups", GROWS, "permission widened in the cluster"),
        Rule("principalArn", fixed(), "somebody else gets in"),
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": each(
        "policyArn accessScope", fixed(), "permission widened in the cluster"
    ),
    "aws:lb/listener:Listener": (Rule("protocol", ranked("HTTP", "HTTPS"), "plaintext listener"),),
    "aws:lb/loadBalancer:LoadBalancer": (
        *each("name internal loadBalancerType", DESTROYS, "another edge, under a host name that no record leads to"),
        Rule("subnets", contains_all(more=Verdict.NEUTRAL), "zones dropped"),
        Rule("dropInvalidHeaderFields", ON, "malformed headers reach the services"),
        Rule("enableDeletionProtection", must_be(True, default=False, new=False), "protection off"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        *each("port protocol targetType vpcId", fixed(), "customers are sent elsewhere"),
        *ignore("name deregistrationDelay"),
    ),
    "aws:lb/listenerRule:ListenerRule": (*each("conditions actions", fixed(), "customers are sent elsewhere"),),
    "aws:autoscaling/attachment:Attachment": each(
        "autoscalingGroupName lbTargetGroupArn", fixed(), "customers are sent to other nodes, or to none"
    ),
}
