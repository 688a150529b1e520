"""What the guards say of themselves, in the control table: one item a site."""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from cloud.control_table import ConditionFailedError, ControlTable
from recovery.errors import Failed, Refused
from recovery.lease.guard_report import DatabaseSeen, GuardReport, SlotSeen
from recovery.lease.guard_rules import MODES, Mode
from recovery.names import guard_item
from recovery.plan.plan import SiteName

_TEXTS = ("boot_id", "mode", "version", "lease", "lease_problem", "database_problem")


class DynamoGuardReports:
    """GuardReports (recovery.ports.control_table) on the control table."""

    def __init__(self, table: ControlTable) -> None:
        self._table = table

    def write(self, report: GuardReport) -> None:
        """Raises Refused when a younger guard of the site has reported; Unreachable."""
        try:
            self._table.put(
                encode(report),
                condition="attribute_not_exists(#pk) OR #boot_id = :boot_id OR #started < :started",
                ExpressionAttributeNames={"#pk": "pk", "#boot_id": "boot_id", "#started": "started"},
                ExpressionAttributeValues={
                    ":boot_id": {"S": report.boot_id},
                    ":started": {"N": _seconds(report.started)},
                },
            )
        except ConditionFailedError as failed:
            other = (failed.item or {}).get("boot_id", {}).get("S", "another")
            raise Refused(f"a younger guard of site {report.site} reports: {other}") from None

    def read(self, site: SiteName) -> GuardReport | None:
        """Strongly consistent; None when that guard never reported. Raises Unreachable, Failed."""
        item = self._table.get(guard_item(site))
        return decode(site, item) if item else None


def encode(report: GuardReport) -> dict[str, Any]:
    """The whole item."""
    item: dict[str, Any] = {
        "pk": {"S": guard_item(report.site)},
        "started": {"N": _seconds(report.started)},
        "at": {"N": _seconds(report.at)},
        "gate_open": {"BOOL": report.gate_open},
        **{name: {"S": getattr(report, name)} for name in _TEXTS},
    }
    if report.database:
        item["system_identifier"] = {"S": report.database.system_identifier}
        item["in_recovery"] = {"BOOL": report.database.in_recovery}
        item["address"] = {"S": report.database.address}
        if report.database.slots is not None:
            item["slots"] = {"S": json.dumps(report.database.slots)}
        if report.database.slot_cap is not None:
            item["slot_cap"] = {"N": str(report.database.slot_cap)}
    return item


def decode(site: SiteName, item: dict[str, Any]) -> GuardReport:
    """The report of an item. Raises Failed when it is not one that `encode` wrote."""
    try:
        database = None
        if "system_identifier" in item:
            database = DatabaseSeen(
                system_identifier=item["system_identifier"]["S"],
                in_recovery=item["in_recovery"]["BOOL"],
                address=item["address"]["S"] if "address" in item else "",
                slots=_slots(item["slots"]["S"]) if "slots" in item else None,
                slot_cap=int(item["slot_cap"]["N"]) if "slot_cap" in item else None,
            )
        texts = {name: str(item[name]["S"]) for name in _TEXTS}
        mode = texts.pop("mode")
        if mode not in MODES:
            raise ValueError(f"mode {mode!r}")  # noqa: TRY301
        return GuardReport(
            site=site,
            started=_time(item["started"]),
            at=_time(item["at"]),
            mode=cast("Mode", mode),
            gate_open=item["gate_open"]["BOOL"],
            database=database,
            **texts,
        )
    except (KeyError, TypeError, ValueError, OverflowError, InvalidOperation) as error:
        raise Failed(
            f"the report of site {site}'s guard in the control table is not one this version wrote: {error!r}",
            next_step="bring guard and `dr` to the same version",
        ) from None


def _slots(text: str) -> tuple[SlotSeen, ...]:
    return tuple(SlotSeen(str(name), int(retained), bool(lost)) for name, retained, lost in json.loads(text))


def _seconds(at: datetime) -> str:
    return f"{at.timestamp():.3f}"


def _time(attribute: dict[str, str]) -> datetime:
    return datetime.fromtimestamp(float(Decimal(attribute["N"])), UTC)
