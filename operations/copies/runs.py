"""Counting scheduled runs of a backup or a pruner: whatever becomes of one, the control table says so."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from operations.context import Context
from operations.lease import control_table
from recovery.errors import DrError
from recovery.lease.backup_runs import Outcome, RunReport
from recovery.plan.plan import SiteName
from recovery.ports.control_table import RunReports

SKIPPED = "not the active site"
"""Why a scheduled run did nothing, always in these words: what counts a log's lines, counts them by it."""
_LONGEST = 500


@dataclass
class Counted:
    """A run in progress. `outcome`, `why`, `hidden` and `due` are what it will be counted as."""

    outcome: Outcome = "made"
    why: str = ""
    hidden: int | None = None
    due: int | None = None


@contextmanager
def counted(
    reports: RunReports, site: SiteName, dataset: str, kind: str, *, tell: Callable[[str], None]
) -> Iterator[Counted]:
    """Count what happens inside. That it could not be counted is told and changes nothing else."""
    run = Counted()
    try:
        yield run
    except BaseException as error:
        run.outcome, run.why = "failed", error.what if isinstance(error, DrError) else type(error).__name__
        raise
    finally:
        report = RunReport(
            site=site,
            dataset=dataset,
            kind=kind,
            at=datetime.now(UTC),
            outcome=run.outcome,
            why=run.why[:_LONGEST],
            hidden=run.hidden,
            due=run.due,
        )
        try:
            reports.add(report)
        except DrError as error:
            with suppress(OSError):
                tell(f"this run could not be counted: {error.what}")


def scheduled(
    context: Context, dataset: str, kind: str, *, if_active: bool, tell: Callable[[str], None]
) -> AbstractContextManager[Counted]:
    """`counted` for a run of a schedule, at the site of `context`; what a person starts is not counted."""
    if not if_active:
        return nullcontext(Counted())
    from cloud.run_reports import DynamoRunReports

    return counted(DynamoRunReports(control_table(context)), context.site, dataset, kind, tell=tell)
