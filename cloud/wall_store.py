"""The last check of each site's wall, in the control table: there it survives either site, and a promotion reads it."""

from datetime import datetime
from typing import Any

from cloud.control_table import ControlTable
from recovery.errors import Failed
from recovery.lease.wall import WallCheck, item
from recovery.plan.plan import SiteName


class DynamoWallStore:
    """WallStore (recovery.ports.control_table) on the control table."""

    def __init__(self, table: ControlTable) -> None:
        self._table = table

    def wall(self, site: SiteName) -> WallCheck | None:
        """The last check. Raises Unreachable."""
        found = self._table.get(item(site))
        return _decode(site, found) if found else None

    def record(self, check: WallCheck) -> None:
        """Keep it, unless a later one is there. Raises Unreachable."""
        self._table.put_unless_later({"pk": {"S": item(check.site)}} | _encode(check))


def _encode(check: WallCheck) -> dict[str, Any]:
    return {
        "holds": {"BOOL": check.holds},
        "at": {"S": check.at.isoformat(timespec="microseconds")},
        "address": {"S": check.address},
        "asked_from": {"S": check.asked_from},
        "words": {"S": check.words},
    }


def _decode(site: SiteName, found: dict[str, Any]) -> WallCheck:
    try:
        return WallCheck(
            site=site,
            holds=found["holds"]["BOOL"],
            at=datetime.fromisoformat(found["at"]["S"]),
            address=found["address"]["S"],
            asked_from=found["asked_from"]["S"],
            words=found["words"]["S"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(
            f"the last check of {site}'s wall in the control table is not one this version wrote: {error!r}",
            next_step=f"check it anew: `dr check wall --site {site}`",
        ) from None
