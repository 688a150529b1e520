"""What a strategy means: what is declared at the DR site, what a promotion promotes, what it restores first."""

import json
from dataclasses import dataclass

from recovery.plan.datasets import DATASETS, DatasetName
from recovery.plan.plan import Plan
from recovery.units import format_duration

# In the order of their promotion; files and configuration are laid out at a warm site with every copy.
_PROMOTED: tuple[DatasetName, ...] = ("postgres", "mongo", "redis")
_LAID_OUT: tuple[DatasetName, ...] = tuple(name for name in DATASETS if name not in _PROMOTED)
# What has a server in the dr stack; a copy alone follows nobody.
_DECLARED: frozenset[DatasetName] = frozenset({"postgres", "redis"})
# What a promotion of a cold site restores by itself; a person fills the disk of the others (ADR 29).
_RESTORED: frozenset[DatasetName] = frozenset({"postgres"})


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """What follows from `strategy`. `standbys` follow production; `restored` come from the newest copy first,
    `by_hand` are filled by a person before that. `planned` is the plan's, and nothing of it is declared yet."""

    standbys: tuple[DatasetName, ...]
    laid_out: tuple[DatasetName, ...]
    services_run: bool
    restored: tuple[DatasetName, ...]
    by_hand: tuple[DatasetName, ...]
    promoted: tuple[DatasetName, ...]
    planned: tuple[DatasetName, ...]

    def words(self) -> tuple[tuple[str, str], ...]:
        """For a table: what, and how."""
        return (
            ("databases that follow", _listed(self.standbys)),
            ("laid out with every copy", _listed(self.laid_out)),
            ("services", "run at their warm floor" if self.services_run else "declared, at their warm floor or at 0"),
            ("restored before promotion", _listed(self.restored)),
            ("filled by hand before promotion", _listed(self.by_hand)),
            ("promoted", _listed(self.promoted)),
            ("planned, and not declared yet", _listed(self.planned)),
        )


def consequences(plan: Plan) -> Consequences:
    """What follows from the plan's strategy."""
    warm = plan.strategy == "warm"
    promoted, laid_out = _declared(_PROMOTED), _declared(_LAID_OUT)
    first = () if warm else (*promoted, *laid_out)
    return Consequences(
        standbys=promoted if warm else (),
        laid_out=laid_out if warm else (),
        services_run=any(service.warm for service in plan.services.values()),
        restored=tuple(name for name in first if name in _RESTORED),
        by_hand=tuple(name for name in first if name not in _RESTORED),
        promoted=promoted,
        planned=tuple(name for name in (*_PROMOTED, *_LAID_OUT) if name not in _DECLARED),
    )


def followed(plan: Plan) -> tuple[DatasetName, ...]:
    """The datasets that the plan has at the DR site before anything happens, whether they are declared yet or not."""
    return (*_PROMOTED, *_LAID_OUT) if plan.strategy == "warm" else ()


def strategy_config(plan: Plan) -> dict[str, str]:
    """The data of the ConfigMap `dr-config`. Only what the strategy says: another retention leaves it alone."""
    found = consequences(plan)
    return {
        "strategy": plan.strategy,
        "recovery-time": format_duration(getattr(plan.strategies, plan.strategy)),
        "strategies": json.dumps(plan.strategies.model_dump(mode="json"), sort_keys=True),
        "rto": format_duration(plan.objectives.rto),
        "rpo": format_duration(plan.objectives.rpo),
        "standbys": ",".join(found.standbys),
        "laid-out": ",".join(found.laid_out),
        "restored-first": ",".join(found.restored),
        "promoted": ",".join(found.promoted),
        "services": json.dumps({n: s.model_dump(mode="json") for n, s in plan.services.items()}, sort_keys=True),
    }


def _declared(names: tuple[DatasetName, ...]) -> tuple[DatasetName, ...]:
    return tuple(name for name in names if name in _DECLARED)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
