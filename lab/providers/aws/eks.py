"""EKS: clusters and node groups, and what the stand-in does not have: add-ons, access entries, pod identities.

The lab's clusters are real Kubernetes API servers. Where they are stands in the file that LAB_CLUSTERS names:
{cluster name: {"endpoint": URL, "ca_data": base64}}; endpoint and certificate of a declared cluster come from there.
"""

import json
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lab.noted import POD_IDENTITIES
from lab.providers.aws.base import UNSUPPORTED, Aws, Handler, picked, removed_tags
from lab.providers.base import Inputs
from lab.providers.serving import ProviderError


class Cluster(Handler):
    """A cluster that the lab runs already; creating it here makes it known to EKS's stand-in."""

    computed = (
        "arn",
        "certificateAuthority",
        "clusterId",
        "createdAt",
        "endpoint",
        "identities",
        "platformVersion",
        "status",
        "vpcConfig",
    )

    def create(self, aws: Aws, inputs: Inputs) -> str:
        _address(aws, inputs["name"], {})
        vpc = {key: value for key, value in inputs["vpcConfig"].items() if key != "vpcId"}
        arguments = picked(inputs, version="version")
        network = inputs.get("kubernetesNetworkConfig")
        if network:
            arguments["kubernetesNetworkConfig"] = network
        if inputs.get("encryptionConfig"):
            arguments["encryptionConfig"] = [inputs["encryptionConfig"]]
        if inputs.get("enabledClusterLogTypes"):
            arguments["logging"] = {"clusterLogging": [{"types": inputs["enabledClusterLogTypes"], "enabled": True}]}
        tags = inputs.get("tagsAll") or {}
        role = inputs["roleArn"]
        aws.call(
            "eks", "create_cluster", name=inputs["name"], roleArn=role, resourcesVpcConfig=vpc, tags=tags, **arguments
        )
        return inputs["name"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("eks", "describe_cluster", name=resource_id)["cluster"]
        address = _address(aws, resource_id, found)
        return {
            "arn": found["arn"],
            "certificateAuthority": {"data": address["ca_data"]},
            "certificateAuthorities": [{"data": address["ca_data"]}],
            "clusterId": resource_id,
            "createdAt": found["createdAt"].isoformat(),
            "endpoint": address["endpoint"],
            "identities": [{"oidcs": [{"issuer": found.get("identity", {}).get("oidc", {}).get("issuer", "")}]}],
            "platformVersion": found.get("platformVersion", ""),
            "status": found["status"],
            "vpcConfig": {**inputs["vpcConfig"], **self._network(aws, inputs["vpcConfig"]["subnetIds"])},
        }

    @staticmethod
    def _network(aws: Aws, subnets: list[str]) -> Inputs:
        """The VPC of the subnets, and in it the security group of control plane and nodes: EKS makes one of its own,
        the stand-in takes the network's default."""
        (first, *_) = aws.call("ec2", "describe_subnets", SubnetIds=subnets)["Subnets"]
        wanted = [{"Name": "vpc-id", "Values": [first["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
        (group, *_) = aws.call("ec2", "describe_security_groups", Filters=wanted)["SecurityGroups"]
        return {"vpcId": first["VpcId"], "clusterSecurityGroupId": group["GroupId"]}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("eks", "describe_cluster", name=resource_id)["cluster"]
        live = {"name": found["name"], "roleArn": found["roleArn"], "tagsAll": found.get("tags", {})}
        if inputs.get("version"):
            live["version"] = found["version"]
        return live

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        if new.get("vpcConfig") != old.get("vpcConfig"):
            vpc = {key: value for key, value in new["vpcConfig"].items() if key != "vpcId"}
            aws.call("eks", "update_cluster_config", name=resource_id, resourcesVpcConfig=vpc)
        if new.get("version") and new["version"] != old.get("version"):
            aws.call("eks", "update_cluster_version", name=resource_id, version=new["version"])
        arn = f"arn:aws:eks:{aws.region}:{aws.account}:cluster/{resource_id}"
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        if gone:
            aws.call("eks", "untag_resource", resourceArn=arn, tagKeys=gone)
        if new.get("tagsAll"):
            aws.call("eks", "tag_resource", resourceArn=arn, tags=new["tagsAll"])

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        if inputs.get("deletionProtection"):
            raise ProviderError(f"{aws.what}: deletion protection is on; EKS deletes no such cluster")
        aws.call("eks", "delete_cluster", name=resource_id)


def _address(aws: Aws, name: str, found: Inputs) -> Inputs:
    """Where the lab runs this cluster. Raises ProviderError for a cluster that it does not run."""
    listed = os.environ.get("LAB_CLUSTERS")
    if not listed:
        made_up = found.get("certificateAuthority", {}).get("data", "")
        return {"endpoint": found.get("endpoint", ""), "ca_data": made_up}
    clusters = json.loads(Path(listed).read_text())
    if name not in clusters:
        raise ProviderError(
            f"{aws.what}: the lab runs no cluster {name}, it runs {', '.join(sorted(clusters)) or 'none'}"
        )
    return clusters[name]


class NodeGroup(Handler):
    """Nodes are declared here and run by the lab's node agent."""

    computed = ("arn", "resources", "status")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        arguments = picked(
            inputs,
            amiType="amiType",
            capacityType="capacityType",
            diskSize="diskSize",
            instanceTypes="instanceTypes",
            labels="labels",
            launchTemplate="launchTemplate",
            releaseVersion="releaseVersion",
            taints="taints",
            version="version",
        )
        _sizes(aws, inputs["scalingConfig"])
        aws.call(
            "eks",
            "create_nodegroup",
            clusterName=inputs["clusterName"],
            nodegroupName=inputs["nodeGroupName"],
            scalingConfig=inputs["scalingConfig"],
            subnets=inputs["subnetIds"],
            nodeRole=inputs["nodeRoleArn"],
            tags=inputs.get("tagsAll") or {},
            **arguments,
        )
        return f"{inputs['clusterName']}:{inputs['nodeGroupName']}"

    @staticmethod
    def _describe(aws: Aws, resource_id: str) -> Inputs:
        cluster, _, name = resource_id.partition(":")
        return aws.call("eks", "describe_nodegroup", clusterName=cluster, nodegroupName=name)["nodegroup"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._describe(aws, resource_id)
        groups = [{"name": f"eks-{found['nodegroupName']}"}]
        resources = [{"autoscalingGroups": groups, "remoteAccessSecurityGroupId": ""}]
        return {"arn": found["nodegroupArn"], "resources": resources, "status": found["status"]}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = self._describe(aws, resource_id)
        keys = ("clusterName", "scalingConfig", "instanceTypes", "labels", "amiType", "diskSize")
        return {key: found[key] for key in keys if found.get(key) is not None} | {"subnetIds": found["subnets"]}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        cluster, _, name = resource_id.partition(":")
        _sizes(aws, new["scalingConfig"])
        if new.get("version") and new["version"] != old.get("version"):
            _no_newer_than_its_cluster(aws, cluster, new["version"])
        arguments: Inputs = {"scalingConfig": new["scalingConfig"]}
        if new.get("labels") != old.get("labels"):
            gone = sorted(set(old.get("labels") or {}) - set(new.get("labels") or {}))
            arguments["labels"] = {"addOrUpdateLabels": new.get("labels") or {}, "removeLabels": gone}
        aws.call("eks", "update_nodegroup_config", clusterName=cluster, nodegroupName=name, **arguments)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        cluster, _, name = resource_id.partition(":")
        aws.call("eks", "delete_nodegroup", clusterName=cluster, nodegroupName=name)


def _sizes(aws: Aws, scaling: Inputs) -> None:
    """EKS refuses these with InvalidParameterException; the stand-in takes anything."""
    least, desired, most = (int(scaling[key]) for key in ("minSize", "desiredSize", "maxSize"))
    if least > desired:
        raise ProviderError(f"{aws.what}: Minimum capacity {least} can't be greater than desired size {desired}")
    if desired > most:
        raise ProviderError(f"{aws.what}: desired capacity {desired} can't be greater than max size {most}")


def _no_newer_than_its_cluster(aws: Aws, cluster: str, version: str) -> None:
    """The stand-in cannot update a node group's version; EKS refuses one that the control plane does not have yet."""
    found = aws.call("eks", "describe_cluster", name=cluster)["cluster"]["version"]
    if _numbers(version) > _numbers(found):
        raise ProviderError(f"{aws.what}: nodes of {version} are newer than their cluster, {found}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class Recorded(Handler):
    """Of a cluster, unknown to the stand-in: recorded beside it. The cluster itself is asked for every time."""

    def __init__(self, kind: str, key: Callable[[Inputs], str], outputs: Callable[[str, str], Inputs]) -> None:
        self.kind, self.key, self._outputs = kind, key, outputs
        self.computed = tuple(outputs("", ""))

    def _cluster(self, aws: Aws, inputs: Inputs) -> str:
        return aws.call("eks", "describe_cluster", name=inputs["clusterName"])["cluster"]["arn"]

    def create(self, aws: Aws, inputs: Inputs) -> str:
        arn, resource_id = self._cluster(aws, inputs), self.key(inputs)
        kept = {key: value for key, value in inputs.items() if not key.startswith("__")}
        made = self._outputs(arn, datetime.now(UTC).isoformat(timespec="seconds"))
        UNSUPPORTED.put(self.kind, f"{aws.region} {resource_id}", {"inputs": kept, "outputs": made})
        return resource_id

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return UNSUPPORTED.get(self.kind, f"{aws.region} {resource_id}")["outputs"]

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        self._cluster(aws, inputs)
        return UNSUPPORTED.get(self.kind, f"{aws.region} {resource_id}")["inputs"]

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self._cluster(aws, new)
        held = UNSUPPORTED.get(self.kind, f"{aws.region} {resource_id}")
        kept = {key: value for key, value in new.items() if not key.startswith("__")}
        UNSUPPORTED.put(self.kind, f"{aws.region} {resource_id}", {**held, "inputs": kept})

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        self._cluster(aws, inputs)
        UNSUPPORTED.remove(self.kind, f"{aws.region} {resource_id}")


def _of_cluster(arn: str, kind: str) -> str:
    return arn.replace(":cluster/", f":{kind}/", 1) + f"/{uuid.uuid4().hex[:12]}"


HANDLERS: dict[str, Handler] = {
    "aws:eks/cluster:Cluster": Cluster(),
    "aws:eks/nodeGroup:NodeGroup": NodeGroup(),
    "aws:eks/addon:Addon": Recorded(
        "EKS add-ons",
        lambda inputs: f"{inputs['clusterName']}:{inputs['addonName']}",
        lambda arn, now: {"arn": _of_cluster(arn, "addon"), "createdAt": now, "modifiedAt": now},
    ),
    "aws:eks/accessEntry:AccessEntry": Recorded(
        "EKS access entries",
        lambda inputs: f"{inputs['clusterName']}:{inputs['principalArn']}",
        lambda arn, now: {"accessEntryArn": _of_cluster(arn, "access-entry"), "createdAt": now, "modifiedAt": now},
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Recorded(
        "EKS access policy associations",
        lambda inputs: f"{inputs['clusterName']}#{inputs['principalArn']}#{inputs['policyArn']}",
        lambda arn, now: {"associatedAt": now, "modifiedAt": now},
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Recorded(
        POD_IDENTITIES,
        lambda inputs: f"{inputs['clusterName']}:{inputs['namespace']}:{inputs['serviceAccount']}",
        lambda arn, now: {
            "associationArn": _of_cluster(arn, "podidentityassociation"),
            "associationId": f"a-{uuid.uuid4().hex[:17]}",
            "externalId": uuid.uuid4().hex,
        },
    ),
}
