"""The DR strategy as the cluster sees it: the ConfigMap `dr-config`."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.names import STRATEGY_CONFIG
from recovery.plan.plan import Plan
from recovery.plan.strategy import strategy_config


@dataclass(frozen=True, kw_only=True)
class StrategyConfigArgs:
    """Everything in it is the plan's."""

    plan: Plan
    namespace: pulumi.Input[str]


class StrategyConfig(pulumi.ComponentResource):
    """What the site is prepared for, for people and tools that look at the cluster. Its name is fixed, as UltraMarket's
    document asks; nothing mounts it, so replacing it disturbs nobody."""

    def __init__(self, name: str, args: StrategyConfigArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:StrategyConfig", name, None, opts)
        k8s.core.v1.ConfigMap(
            f"{name}-map",
            metadata=workload.metadata(STRATEGY_CONFIG, args.namespace),
            data=strategy_config(args.plan),
            opts=as_child(self),
        )
        self.register_outputs({"strategy": args.plan.strategy})
