"""What every stack needs to know, and how a stack's settings are read: once, all problems together.

Config says only what differs by site; the plan says everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from infra.settings.config import Config, located
from recovery.budget.text import require_kept
from recovery.errors import PlanError
from recovery.names import Names
from recovery.plan.loading import load_plan
from recovery.plan.plan import SERVICES, Plan

NAMESPACE = "ultramarket-dr"
BUCKET_NAME = r"[a-z0-9.-]{3,63}"
CLUSTER_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}"
MODES = "off|observe|enforce"


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every stack knows."""

    plan: Plan
    account: str

    @property
    def names(self) -> Names:
        """Names in this account."""
        return Names(self.plan, self.account)


@dataclass(frozen=True, kw_only=True)
class GuardSettings(Common):
    """What guard and gate need at either site."""

    runner_image: str
    guard_mode: str
    guard_password: pulumi.Output[str]


_Settings = TypeVar("_Settings", bound=Common)


def read_settings(stack: str, build: Callable[[Config, Plan, str], _Settings]) -> _Settings:
    """The settings of `stack`, as `build` puts them together. Raises PlanError naming every problem; BudgetUnmet."""
    config = Config(NAMESPACE)
    path = plan_file(config)
    account = config.text("account", r"\d{12}", "the AWS account's 12 digits, in quotes")
    try:
        plan = load_plan(Path(path))  # Pulumi runs the program in the project's folder
    except PlanError as error:
        _read_without_plan(config, account, build)
        if not config.problems:
            raise
        in_plan = [f"{path}: {problem}" for problem in error.problems]
        problems = [*in_plan, *_problems(config)]
        advice = f"correct {path} and Pulumi.{stack}.yaml and run the command again"
        raise PlanError(f"plan and stack configuration of {stack}", problems, next_step=advice) from None
    settings = build(config, plan, account)
    config.refuse_unknown({**get_config_env(), **CONFIG.get()})
    if config.problems:
        advice = f"correct Pulumi.{stack}.yaml (the README has a table of all keys) and run the command again"
        raise PlanError(f"stack configuration of {stack}", _problems(config), next_step=advice)
    require_kept(plan, source=path)
    return settings


def lock_mode(config: Config) -> str:
    """Without a default: left out, it would be the weaker one in silence."""
    return config.text("lockMode", "GOVERNANCE|COMPLIANCE", "GOVERNANCE or COMPLIANCE")


def accepted_incrementals(config: Config) -> str:
    """The override of `recovery.copies.chain`: whose incrementals are trusted although they can be wrong."""
    expected = "the version of PostgreSQL whose incrementals are to be trusted, such as 18.6"
    return config.text("acceptIncrementalsOf", r"\d{2}\.\d{1,2}", expected, default="")


def plan_file(config: Config) -> str:
    """Where the plan is."""
    return config.text("plan", r"[^\0]{1,255}", "a file name", default="recovery.yaml")[:255]


def _read_without_plan(config: Config, account: str, build: Callable[[Config, Plan, str], Common]) -> None:
    """Note the configuration's problems beside those of a plan that cannot be read."""
    stand_in = Plan.model_construct(services=dict.fromkeys(SERVICES))
    try:
        build(config, stand_in, account)
    except AttributeError:
        return  # from here on the plan decides what is asked for
    config.refuse_unknown({**get_config_env(), **CONFIG.get()})


def _problems(config: Config) -> list[str]:
    """Sorted by key, each with its line in the stack's file where there is one."""
    return located(sorted(config.problems), Path(f"Pulumi.{pulumi.get_stack()}.yaml"))
