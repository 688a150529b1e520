"""The budget: the worst loss and the longest recovery of each dataset in each scenario, from named terms.

One fault at a time. A loss is what no copy holds any more; a recovery ends when customers are served (or, where they
never noticed, when the copies are complete again). Where the plan bounds a thing by itself, that bound counts before
anything assumed: a dataset with a log loses what the log had not sent, not what a standby is assumed to lag.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from recovery.budget.scenarios import CHECKS, NAME_SERVERS, SCENARIOS, Case, Scenario
from recovery.budget.sums import Limit, Sum
from recovery.errors import Refused
from recovery.measured import CONTROL_TABLE_UPTIME, NODE_UNREACHABLE_SECONDS, NODES_LOST_A_MONTH, POD_START_SECONDS
from recovery.plan.datasets import DATASETS, DatasetName
from recovery.plan.plan import Plan
from recovery.site.capacity import EVICTED_AFTER_SECONDS
from recovery.term import Assumption, Term
from recovery.units import read_duration

MONTH = timedelta(days=30)


class BudgetUnmet(Refused):
    """Raised before anything is declared: the plan promises what its own figures cannot keep."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One dataset in one scenario."""

    dataset: DatasetName
    scenario: Scenario
    loss: Sum
    recovery: Sum
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether loss and recovery both keep their limits."""
        return self.loss.met and self.recovery.met


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A row for each dataset in each scenario, and the time in a month that the lease refuses writes."""

    rows: tuple[Row, ...]
    uptime: Sum

    @property
    def met(self) -> bool:
        """Whether every objective is kept."""
        return self.uptime.met and all(row.met for row in self.rows)

    def sums(self) -> Iterator[tuple[str, str, Sum]]:
        """Every sum: of what, which kind (loss, recovery or uptime), and the sum itself."""
        for row in self.rows:
            yield f"{row.dataset}, {row.scenario}", "loss", row.loss
            yield f"{row.dataset}, {row.scenario}", "recovery", row.recovery
        yield "all writes, a month", "uptime", self.uptime

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "met": self.met,
            "rows": [
                {
                    "dataset": row.dataset,
                    "scenario": row.scenario,
                    "loss": row.loss.as_dict(),
                    "recovery": row.recovery.as_dict(),
                    "note": row.note,
                }
                for row in self.rows
            ],
            "uptime": self.uptime.as_dict(),
        }


def budget(plan: Plan) -> Budget:
    """The budget of a plan."""
    rows = (_row(Case(plan, name), scenario) for name in DATASETS for scenario in SCENARIOS)
    return Budget(rows=tuple(rows), uptime=_uptime(plan))


def _row(case: Case, scenario: Scenario) -> Row:
    loss, recovery, note = case.terms(scenario)
    return Row(
        dataset=case.name,
        scenario=scenario,
        loss=Sum(terms=loss, limit=case.loss_limit()),
        recovery=Sum(terms=recovery, limit=case.recovery_limit(scenario)),
        note=note,
    )


def _uptime(plan: Plan) -> Sum:
    """Minutes a month without writes that the lease itself costs, against what the objective allows."""
    wait, assumptions, check = plan.lease.duration + plan.lease.margin, plan.assumptions, plan.dns.health_check
    switch = wait + CHECKS.duration + check.interval * check.failures + NAME_SERVERS.duration + plan.dns.ttl
    restarts, switchovers = assumptions.guard_restarts_per_month, assumptions.switchovers_per_month
    unreachable = MONTH * (1 - CONTROL_TABLE_UPTIME.value)
    noticed, nodes = NODE_UNREACHABLE_SECONDS.value + EVICTED_AFTER_SECONDS, NODES_LOST_A_MONTH.value
    elsewhere = timedelta(seconds=noticed + POD_START_SECONDS.value)
    return Sum(
        terms=(
            Term("control table out of reach in both regions", unreachable, CONTROL_TABLE_UPTIME.basis),
            Term(
                f"{restarts} guard restarts, each lease.duration + margin at most",
                wait * restarts,
                Assumption("assumptions.guard_restarts_per_month"),
            ),
            # The new guard adopts the lease at once: it is its own site's.
            Term(
                f"{nodes:g} node lost under the guard, each noticed after {noticed:g} s and replaced after "
                f"{read_duration(elsewhere)}",
                elsewhere * nodes,
                NODES_LOST_A_MONTH.basis,
            ),
            Term(
                f"{switchovers} planned switchovers, each {read_duration(switch)} at most",
                switch * switchovers,
                Assumption("assumptions.switchovers_per_month"),
            ),
        ),
        limit=Limit(duration=MONTH * (1 - plan.objectives.uptime), path="objectives.uptime"),
    )
