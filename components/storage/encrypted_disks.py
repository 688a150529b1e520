"""The DR site's volumes: the classes that they are of."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.names import DISK_CLASS, SCRATCH_DISK_CLASS


@dataclass(frozen=True, kw_only=True)
class EncryptedDisksArgs:
    """`key_arn` is a KMS key whose policy lets the EBS driver's role use it; empty: the account's key for EBS."""

    key_arn: str


class EncryptedDisks(pulumi.ComponentResource):
    """Production's whole database lies on such a disk. EKS's own class neither encrypts nor grows, and a volume of it
    goes with its claim. `scratch_class` is for what can be made again: that goes with its claim, or it would cost on.

    A class cannot be changed. Volumes that exist keep what they were made with.
    """

    def __init__(self, name: str, args: EncryptedDisksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:EncryptedDisks", name, None, opts)
        self.disk_class = declare_class(f"{name}-class", DISK_CLASS, "Retain", args.key_arn, self)
        self.scratch_class = declare_class(f"{name}-scratch-class", SCRATCH_DISK_CLASS, "Delete", args.key_arn, self)
        self.register_outputs({"disk_class": DISK_CLASS, "scratch_class": SCRATCH_DISK_CLASS})


def declare_class(
    name: str, called: str, reclaim: str, key_arn: str, parent: pulumi.Resource
) -> k8s.storage.v1.StorageClass:
    """A class of encrypted volumes that can grow; `reclaim`: what becomes of one whose claim goes."""
    # https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md
    key = {"kmsKeyId": key_arn} if key_arn else {}
    return k8s.storage.v1.StorageClass(
        name,
        metadata={"name": called, "labels": workload.MANAGED_BY},
        provisioner="ebs.csi.aws.com",
        parameters={"type": "gp3", "encrypted": "true", **key},
        allow_volume_expansion=True,
        reclaim_policy=reclaim,
        volume_binding_mode="WaitForFirstConsumer",  # the zone of the node that takes the Pod
        opts=as_child(parent),
    )
