"""What each duty may do: one policy a role, by the duty's name. Pure functions."""

from collections.abc import Mapping

from recovery import copy_policies, policies
from recovery.names import Names
from recovery.plan import SITES
from recovery.policies import Document


def duty_policies(names: Names, key_arns: Mapping[str, str]) -> dict[str, Document]:
    """The duties of Pods and operators, in the order of a copy's life. `key_arns`: each site's backup key."""
    both = [key_arns[site] for site in SITES]
    return {
        "writer": policies.writer_policy(names, both),
        "shipper": copy_policies.shipper_policy(names, key_arns["dr"]),
        "restorer": copy_policies.restorer_policy(names, both),
        "monitor": copy_policies.monitor_policy(names, both),
        "pruner": copy_policies.pruner_policy(names, both),
        "guard": policies.guard_policy(names),
        "promoter": policies.promoter_policy(names, both),
    }
