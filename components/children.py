"""Options of child resources. Not in `workload`, which loads the Kubernetes SDK: that takes more than a second, and a
stack without a cluster should not wait for it."""

from typing import Any

import pulumi


def as_child(parent: pulumi.Resource, **options: Any) -> pulumi.ResourceOptions:
    """Options of a child resource."""
    return pulumi.ResourceOptions(parent=parent, **options)
