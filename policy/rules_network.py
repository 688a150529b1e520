"""Where traffic goes and who reaches what: the public name, health checks, network, cluster."""

from policy.address_ranges import ranges, wide
from policy.comparisons import (
    as_json,
    contains_all,
    fixed,
    kept,
    longer,
    must_be,
    neutral,
    shorter,
    size,
    watched,
)
from policy.needs import bucket_policy
from policy.plans import ranked
from policy.rule import Kind, Rule, Subject
from policy.values import MISSING, at, items, mapping
from policy.verdict import Verdict

_DESTROYS = fixed(Verdict.DESTRUCTIVE)
_RANGES = ("cidrBlocks", "ipv6CidrBlocks")
_GROWS = contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER)
_LETS_IN = contains_all(
    fewer=Verdict.STRONGER,
    more=Verdict.WEAKER,
    born=lambda ways: wide([of for each in items(ways) for key in _RANGES for of in items(at(each, key))]),
)
_LOOKS = "marker check replaced: it looks at something else"
_MOVES = "moves traffic"
_ZONES = "zones dropped"
_API = "public access: more addresses reach the cluster's API"


def is_secondary(subject: Subject) -> bool:
    """Whether a record is the SECONDARY of the pair."""
    policies = items(at(subject.inputs, "failoverRoutingPolicies"))
    return any(mapping(each).get("type") == "SECONDARY" for each in policies)


def is_armed(subject: Subject) -> bool:
    """Whether a PRIMARY record had a check and keeps or loses it."""
    return at(subject.old_inputs, "healthCheckId") is not MISSING


def _arms(subject: Subject) -> bool:
    return not is_secondary(subject) and not is_armed(subject)


def _is_public(subject: Subject) -> bool:
    return at(subject.inputs, "vpcConfig", "endpointPublicAccess") in (True, MISSING)


def _security_group_rule(who: Kind) -> tuple[Rule, ...]:
    properties = ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")
    return (
        *(Rule(each, who, "the network lets in more addresses") for each in properties),
        Rule("fromPort", watched(), "other ports"),
        Rule("toPort", watched(), "other ports"),
    )


NETWORK_RULES: dict[str, tuple[Rule, ...]] = {
    "aws:route53/record:Record": (
        Rule(
            "healthCheckId",
            fixed(),
            "SECONDARY given a check: an unhealthy SECONDARY sends everybody back",
            is_secondary,
        ),
        Rule("healthCheckId", fixed(Verdict.STRONGER), "armed: the marker decides from now on", _arms),
        Rule("healthCheckId", fixed(), "marker check missing or replaced: the marker no longer moves the name"),
        Rule("ttl", shorter(), "clients keep the dead site's address for longer"),
        Rule("records", fixed(), _MOVES),
        Rule("failoverRoutingPolicies", fixed(), _MOVES),
        Rule("setIdentifier", watched(), "another record of the name"),
        Rule("aliases", fixed(), "with an alias the target's own health counts"),
        Rule("type", fixed(), _MOVES),
        Rule("name", _DESTROYS, "the public name goes away"),
        Rule("zoneId", _DESTROYS, "the public name goes away"),
        Rule("allowOverwrite", watched(), "a record of somebody else's may be overwritten"),
    ),
    "aws:route53/healthCheck:HealthCheck": (
        Rule("invertHealthcheck", fixed(), "marker check un-inverted, or the canary's inverted"),
        Rule("disabled", must_be(False, default=False), "a disabled check always says the same"),
        Rule("failureThreshold", shorter(), "the marker is believed later"),
        Rule("requestInterval", _DESTROYS, "a replaced check counts as unhealthy until it has data: moves traffic"),
        Rule("type", _DESTROYS, _LOOKS),
        Rule("measureLatency", _DESTROYS, _LOOKS),
        *(Rule(each, fixed(), _LOOKS) for each in ("fqdn", "resourcePath", "searchString", "port", "ipAddress")),
        Rule("enableSni", must_be(True, default=True), _LOOKS),
        Rule("regions", contains_all(), "fewer places look"),
        Rule("referenceName", _DESTROYS, _LOOKS),
    ),
    "aws:ec2/vpc:Vpc": (
        Rule("cidrBlock", _DESTROYS, "another network"),
        Rule("enableDnsHostnames", must_be(True, default=False), "endpoints are not found by name"),
        Rule("enableDnsSupport", must_be(True, default=True), "endpoints are not found by name"),
    ),
    "aws:ec2/subnet:Subnet": (
        Rule("availabilityZone", watched(), _ZONES),
        Rule("cidrBlock", watched(), "another subnet"),
        Rule("mapPublicIpOnLaunch", must_be(False, default=False), "public access: public addresses"),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        Rule("ingress", _LETS_IN, "the network lets in more"),
        Rule("egress", _GROWS, "the network lets out more"),
        Rule("name", watched(), "another group"),
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _security_group_rule(ranges()),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _security_group_rule(ranges()),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _security_group_rule(ranges(new=False)),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
        Rule("ingress", _GROWS, "the network lets in more"),
        Rule("egress", _GROWS, "the network lets out more"),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        Rule("policy", bucket_policy(), "who gets through the endpoint"),
        Rule("subnetIds", contains_all(), _ZONES),
        Rule("routeTableIds", contains_all(), "subnets without a way to the service"),
        Rule("securityGroupIds", watched(), "who gets through the endpoint"),
        Rule(
            "privateDnsEnabled", must_be(True, default=False, new=False), "the service's name leads past the endpoint"
        ),
    ),
    "aws:ec2/route:Route": (),
    "aws:ec2/routeTable:RouteTable": (Rule("routes", watched(), "where packets go"),),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (),
    "aws:ec2/internetGateway:InternetGateway": (),
    "aws:ec2/natGateway:NatGateway": (),
    "aws:ec2/eip:Eip": (),
    "aws:ec2/flowLog:FlowLog": (Rule("trafficType", must_be("ALL"), "connections leave no trace"),),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": (),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": (),
    "aws:eks/cluster:Cluster": (
        Rule("vpcConfig.publicAccessCidrs", ranges(default="0.0.0.0/0"), _API, _is_public),
        Rule("vpcConfig.publicAccessCidrs", ranges(), _API),
        Rule(
            "vpcConfig.endpointPublicAccess",
            must_be(False, default=True, new=False),
            "public access to the cluster's API",
        ),
        Rule("vpcConfig.endpointPrivateAccess", must_be(True, default=False), "nodes and operators go around outside"),
        Rule("vpcConfig.subnetIds", contains_all(more=Verdict.NEUTRAL), _ZONES),
        Rule("vpcConfig.securityGroupIds", watched(), "who reaches the cluster"),
        Rule("encryptionConfig", kept(), "secrets unencrypted in the cluster's store"),
        Rule("encryptionConfig.resources", contains_all(), "secrets unencrypted in the cluster's store"),
        Rule("encryptionConfig.provider.keyArn", watched(), "another key"),
        Rule("enabledClusterLogTypes", contains_all(), "no audit log"),
        Rule("version", size(), "an older Kubernetes"),
        Rule("deletionProtection", must_be(True, default=False, new=False), "protection off"),
        Rule(
            "accessConfig.authenticationMode", ranked("CONFIG_MAP", "API_AND_CONFIG_MAP", "API"), "who gets in by what"
        ),
        Rule("upgradePolicy.supportType", neutral(), "what support costs"),
        Rule("name", _DESTROYS, "another cluster"),
        Rule("roleArn", _DESTROYS, "another cluster"),
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        *(Rule(f"scalingConfig.{each}", size(), "fewer nodes") for each in ("minSize", "desiredSize", "maxSize")),
        Rule("subnetIds", contains_all(more=Verdict.NEUTRAL), _ZONES),
        Rule("updateConfig", watched(), "how many nodes go at once"),
        Rule("diskSize", size(), "less disk"),
        Rule("labels[*]", neutral(), "labels of nodes"),
        Rule("instanceTypes", watched(), "other machines; all nodes are replaced"),
    ),
    "aws:eks/addon:Addon": (
        Rule(
            "configurationValues",
            as_json(
                (Rule("enableNetworkPolicy", must_be("true"), "gate bypassed: network policies are not enforced"),)
            ),
            "how the add-on works",
        ),
        Rule("addonVersion", neutral(), "another version of the add-on"),
        Rule("resolveConflictsOnCreate", neutral(), "who wins over what EKS installed"),
        Rule("resolveConflictsOnUpdate", neutral(), "who wins over what EKS installed"),
        Rule("podIdentityAssociations", watched(), "which role the add-on has"),
    ),
    "aws:eks/accessEntry:AccessEntry": (
        Rule("kubernetesGroups", _GROWS, "permission widened in the cluster"),
        Rule("principalArn", fixed(), "somebody else gets in"),
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": (
        Rule("policyArn", fixed(), "permission widened in the cluster"),
        Rule("accessScope", fixed(), "permission widened in the cluster"),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        Rule("roleArn", watched(), "Pods act under another role"),
        Rule("namespace", watched(), "other Pods get the role"),
        Rule("serviceAccount", watched(), "other Pods get the role"),
    ),
    "aws:lb/listener:Listener": (
        Rule("protocol", ranked("HTTP", "HTTPS"), "plaintext listener"),
        Rule("sslPolicy", watched(), "which TLS versions are accepted"),
        Rule("certificateArn", watched(), "another certificate"),
    ),
    "aws:rds/cluster:Cluster": (Rule("backupRetentionPeriod", longer(), "retention shortened"),),
}
