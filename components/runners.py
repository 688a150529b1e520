"""What all Pods that run `dr` at one site have in common."""

from dataclasses import dataclass

import pulumi

from components import workload
from recovery.names import Names
from recovery.plan.plan import SiteName


@dataclass(frozen=True, kw_only=True)
class Runners:
    """Where they run and what of. `cluster` is EKS's name of the cluster, `plan_map` the ConfigMap with the plan."""

    site: SiteName
    names: Names
    cluster: pulumi.Input[str]
    namespace: pulumi.Input[str]
    image: str
    plan_map: pulumi.Input[str]

    @property
    def region(self) -> str:
        """The site's."""
        return self.names.plan.site(self.site).region

    @property
    def environment(self) -> dict[str, pulumi.Input[str]]:
        """What every `dr` command finds."""
        return workload.runner_environment(self.names.account, self.site, self.region)
