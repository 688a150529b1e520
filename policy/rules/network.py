"""Where traffic goes and who reaches what: the public name, health checks, network, cluster."""

from dataclasses import replace

from policy.comparisons.addresses import is_https, judge_width, ranges
from policy.comparisons.basic import contains_all, fixed, kept, must_be, ranked, shorter, size
from policy.comparisons.copies_need import BUCKET_POLICY
from policy.comparisons.texts import as_json
from policy.rule import Rule, Subject
from policy.rules.shorthand import DESTROYS, GROWS, OFF, ON, Known, Life, each, ends, holds, ignore
from policy.values import MISSING, at, items, mapping
from policy.verdict import Verdict

_RANGES = ("cidrBlocks", "ipv6CidrBlocks")
_LETS_IN = contains_all(
    fewer=Verdict.STRONGER,
    more=Verdict.WEAKER,
    born=lambda ways: judge_width(
        [of for way in items(ways) if not is_https(way) for key in _RANGES for of in items(at(way, key))]
    ),
)
_ENFORCED = Rule("enableNetworkPolicy", must_be("true"), "gate bypassed: network policies not enforced")
# Any check will do when it comes, also one that is known only after apply.
_ARMED = replace(kept(stays=fixed()), blind=True)
_LOOKS = "marker check replaced: it looks at something else"
_API = "public access: more addresses reach the cluster's API"
_NODE_ROLE = "Pods may take their node's role"
_WAY = ends("packets no longer find their way")
_PEERING = ends("replication between the sites stops")
_NODES = "scalingConfig.minSize scalingConfig.desiredSize scalingConfig.maxSize"


def _is_secondary(subject: Subject) -> bool:
    """Whether a record is the SECONDARY of the pair."""
    policies = items(at(subject.inputs, "failoverRoutingPolicies"))
    return any(mapping(each).get("type") == "SECONDARY" for each in policies)


def _is_public(subject: Subject) -> bool:
    return at(subject.inputs, "vpcConfig", "endpointPublicAccess") in (True, MISSING)


NETWORK_RULES: dict[str, Known] = {
    "aws:route53/record:Record": (
        holds("where the public name points; traffic moves"),
        Rule("healthCheckId", fixed(), "SECONDARY given a check: unhealthy, it sends everybody back", _is_secondary),
        Rule("healthCheckId", _ARMED, "the marker check, by which the marker moves the name"),
        Rule("ttl", shorter(), "clients keep the dead site's address for longer"),
        *each("records failoverRoutingPolicies type", fixed(), "moves traffic"),
        Rule("aliases", fixed(), "with an alias the target's own health counts"),
        *each("name zoneId", DESTROYS, "the public name goes away"),
    ),
    "aws:route53/healthCheck:HealthCheck": (
        Life(
            (Verdict.DESTRUCTIVE, "marker check missing: the marker no longer moves the name"),
            (Verdict.DESTRUCTIVE, "a new check counts as unhealthy until it has data: moves traffic"),
        ),
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
        ends("no network"),
        Rule("cidrBlock", DESTROYS, "another network"),
        Rule("enableDnsHostnames", ON, "endpoints are not found by name"),
        Rule("enableDnsSupport", must_be(True, default=True), "endpoints are not found by name"),
    ),
    "aws:ec2/subnet:Subnet": (
        ends("zones dropped"),
        Rule("mapPublicIpOnLaunch", OFF, "public access: public addresses"),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        ends("whoever was let in by it is not"),
        Rule("ingress", _LETS_IN, "the network lets in more"),
        Rule("egress", GROWS, "the network lets out more"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        ends("whoever was let in by it is not"),
        *each("cidrIpv4 cidrIpv6", ranges(), "the network lets in more addresses"),
    ),
    "aws:ec2/internetGateway:InternetGateway": (ends("no way out"),),
    "aws:ec2/natGateway:NatGateway": (ends("zones dropped: a zone without a way out"),),
    "aws:ec2/eip:Eip": (ends("no way out; partners know the address"),),
    "aws:ec2/route:Route": (_WAY,),
    "aws:ec2/routeTable:RouteTable": (_WAY,),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (_WAY,),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": (_PEERING,),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": (_PEERING,),
    "aws:route53/zoneAssociation:ZoneAssociation": (ends("the DR site no longer finds the primary by its name"),),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        ends("an AWS service is reached through the internet, or not at all"),
        Rule("policy", BUCKET_POLICY, "who gets through the endpoint"),
        Rule("subnetIds", contains_all(), "zones dropped"),
        Rule("routeTableIds", contains_all(), "subnets without a way to the service"),
        Rule("privateDnsEnabled", must_be(True, default=False, new=False), "the name leads past the endpoint"),
    ),
    "aws:eks/cluster:Cluster": (
        holds("the cluster's objects"),
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
        ends("nodes start with settings that nobody looks at"),
        Rule("metadataOptions.httpTokens", ranked("optional", "required"), _NODE_ROLE),
        Rule("metadataOptions.httpPutResponseHopLimit", shorter(), _NODE_ROLE),
        Rule("metadataOptions.httpEndpoint", ranked("enabled", "disabled", least="enabled"), _NODE_ROLE),
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        ends("no nodes"),
        *each(_NODES, size(), "fewer nodes"),
        Rule("subnetIds", contains_all(more=Verdict.NEUTRAL), "zones dropped"),
        Rule("diskSize", size(), "less disk"),
        Rule("version", size(), "an older Kubernetes"),
        *ignore("labels[*]"),
    ),
    "aws:eks/addon:Addon": (
        ends("what the add-on does stops, network policies among it"),
        Rule("configurationValues", as_json((_ENFORCED,)), "how the add-on works"),
        *ignore("addonVersion resolveConflictsOnCreate resolveConflictsOnUpdate"),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (ends("its Pods have no role"),),
    "aws:eks/accessEntry:AccessEntry": (
        ends("the promoter cannot enter the cluster"),
        Rule("kubernetesGroups", GROWS, "permission widened in the cluster"),
        Rule("principalArn", fixed(), "somebody else gets in"),
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": (
        ends("whoever had it cannot do it any more"),
        *each("policyArn accessScope", fixed(), "permission widened in the cluster"),
    ),
    "aws:lb/listener:Listener": (
        ends("customers are not let in"),
        Rule("protocol", ranked("HTTP", "HTTPS"), "plaintext listener"),
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        ends("no edge; another one has another host name, which no record leads to"),
        *each("name internal loadBalancerType", DESTROYS, "another edge, under a host name that no record leads to"),
        Rule("subnets", contains_all(more=Verdict.NEUTRAL), "zones dropped"),
        Rule("dropInvalidHeaderFields", ON, "malformed headers reach the services"),
        Rule("enableDeletionProtection", must_be(True, default=False, new=False), "protection off"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        ends("customers do not reach the service"),
        *each("port protocol targetType vpcId", fixed(), "customers are sent elsewhere"),
        *ignore("name deregistrationDelay"),
    ),
    "aws:lb/listenerRule:ListenerRule": (
        ends("customers do not reach the service"),
        *each("conditions actions", fixed(), "customers are sent elsewhere"),
    ),
    "aws:autoscaling/attachment:Attachment": (
        ends("customers do not reach the service"),
        *each("autoscalingGroupName lbTargetGroupArn", fixed(), "customers are sent to other nodes, or to none"),
    ),
}
