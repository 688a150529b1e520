"""What a site's scheduled backups and pruners did, one item a site and copy, or bucket, in the control table: made,
skipped, failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, get_args

from recovery.plan.plan import SITES, SiteName

NOTHING_CHANGED = "nothing has changed since"
"""Why a run at the active site was skipped begins with this when there was nothing to copy."""
FROM_PRIMARY = "read from the primary"
"""What is said of a run that made its backup, but not of the replica, begins with this."""
Outcome = Literal["made", "skipped", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
PRUNE = "prune"
"""In the place of a dataset: a pruner's run; its kind is the site whose bucket it prunes."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """The last run that came to an end of its own, and how many ended how since the first. One that was killed leaves
    none: its silence is what tells. `hidden`: how many locked objects a pruner found under delete markers; `due`: how
    many copies it left that have served their time, `due_since`: when a run first found some that nobody has ended."""

    site: SiteName
    dataset: str
    kind: str
    at: datetime  # of its end, UTC
    outcome: Outcome
    why: str = ""
    hidden: int | None = None
    due: int | None = None
    due_since: datetime | None = None
    counts: Mapping[Outcome, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))


def after(before: RunReport | None, run: RunReport) -> RunReport:
    """`run` with the counts that `before` had, and itself. One that did not look says nothing about what is due."""
    counts = dict(before.counts if before else run.counts)
    counts[run.outcome] += 1
    since = before.due_since if before else None
    if run.due is not None:
        since = (since or run.at) if run.due else None
    return replace(run, counts=counts, due_since=since)


def item(site: SiteName, dataset: str, kind: str) -> str:
    """The key of a site's report in the control table."""
    return f"copies#{site}#{dataset}#{kind}"


def prune_items(site: SiteName) -> tuple[str, ...]:
    """Of the pruners of `site`, one a bucket."""
    return tuple(item(site, PRUNE, bucket) for bucket in SITES)
