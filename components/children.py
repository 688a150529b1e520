"""What every component does with its children. Kept apart from `workload`: that loads the Kubernetes SDK, which takes
more than a second, and a stack without a cluster should not wait for it."""

from typing import Any

import pulumi


def as_child(parent: pulumi.Resource, **options: Any) -> pulumi.ResourceOptions:
    """Options of a child resource."""
    return pulumi.ResourceOptions(parent=parent, **options)
