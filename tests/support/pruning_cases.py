"""Copies by their age, and a pruner's verdict over them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from recovery.copies.catalog import Catalog, Copy
from recovery.copies.pruning import Verdict, decide
from recovery.plan.loading import load_plan
from recovery.plan.sites import SiteName
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")
NOW = datetime(2028, 6, 1, 12, tzinfo=UTC)


def copy(kind: str, days_ago: float, *, dataset: str = "postgres", parent: str | None = None, **more: Any) -> Copy:
    """A copy that finished so many days ago. Its id says so: `full-8`."""
    finished = NOW - timedelta(days=days_ago)
    made = Copy(
        dataset=dataset,
        kind=kind,
        id=f"{kind}-{days_ago:g}",
        folder=f"{dataset}/{kind}/1/7/{days_ago:g}/",
        epoch=1,
        source="7",
        started=finished - timedelta(days=1 if kind == "log" else 1 / 24),
        finished=finished,
        parent=parent,
    )
    return replace(made, **more)


def judge(*copies: Copy, site: SiteName = "dr", **more: Any) -> Verdict:
    catalog = Catalog(site=site, copies=copies, elsewhere=frozenset(each.folder for each in copies))
    return decide(replace(catalog, **more), PLAN, NOW)


def pruned(verdict: Verdict) -> list[str]:
    return [each.copy.id for each in verdict.prunes]


def why_kept(verdict: Verdict, name: str) -> str:
    (reason,) = (each.reason for each in verdict.keeps if each.copy.id == name)
    return reason
