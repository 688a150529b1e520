"""What each site's scheduled backups and pruners did, in the control table, where it survives either site."""

from datetime import datetime
from typing import Any, cast

from cloud.control_table import ControlTable
from recovery.errors import Failed
from recovery.lease.backup_runs import OUTCOMES, Outcome, RunReport, after, item
from recovery.plan.plan import SiteName


class DynamoRunReports:
    """RunReports (recovery.ports.control_table) on the control table."""

    def __init__(self, table: ControlTable) -> None:
        self._table = table

    def read(self, site: SiteName, dataset: str, kind: str) -> RunReport | None:
        """Strongly consistent; None before the first run. Raises Unreachable, Failed."""
        found = self._table.get(item(site, dataset, kind))
        return _decode(site, dataset, kind, found) if found else None

    def add(self, run: RunReport) -> None:
        """Count it. Of two that end at once one may go uncounted; the later is what stays. Raises Unreachable."""
        before = self.read(run.site, run.dataset, run.kind)
        self._table.put_unless_later(
            {"pk": {"S": item(run.site, run.dataset, run.kind)}, **_encode(after(before, run))}
        )


def _encode(report: RunReport) -> dict[str, Any]:
    return {
        "at": {"S": report.at.isoformat(timespec="microseconds")},
        "outcome": {"S": report.outcome},
        "why": {"S": report.why},
        **({} if report.hidden is None else {"hidden": {"N": str(report.hidden)}}),
        **({} if report.due is None else {"due": {"N": str(report.due)}}),
        **({} if report.due_since is None else {"due_since": {"S": report.due_since.isoformat()}}),
        **{outcome: {"N": str(report.counts[outcome])} for outcome in OUTCOMES},
    }


def _decode(site: SiteName, dataset: str, kind: str, found: dict[str, Any]) -> RunReport:
    try:
        (outcome,) = [name for name in OUTCOMES if name == found["outcome"]["S"]]
        return RunReport(
            site=site,
            dataset=dataset,
            kind=kind,
            at=datetime.fromisoformat(found["at"]["S"]),
            outcome=cast("Outcome", outcome),
            why=found["why"]["S"],
            hidden=int(found["hidden"]["N"]) if "hidden" in found else None,
            due=int(found["due"]["N"]) if "due" in found else None,
            due_since=datetime.fromisoformat(found["due_since"]["S"]) if "due_since" in found else None,
            counts={each: int(found[each]["N"]) for each in OUTCOMES},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(
            f"what site {site}'s backups did is not in the words of this version: {error!r}",
            next_step="bring the backup's image and `dr` to the same version",
        ) from None
