"""Who is promoting, and the promotion's journal, in the control table.

The table has a hash key only, and a promotion knows every key it wants: entries are read one by one, strongly
consistent, until one is absent. No Query, no Scan.
"""

import json
from typing import Any

from cloud.control_table import ConditionFailedError, ControlTable
from recovery.errors import Failed, Refused
from recovery.ports.control_table import RunClaim

CLAIM_KEY = "claim"
_CLAIM_FIELDS = ("run", "holder", "boot_id", "beat")
_NAMES = {f"#{name}": name for name in _CLAIM_FIELDS}
_SAME = " AND ".join(f"#{name} = :{name}" for name in _CLAIM_FIELDS)


class DynamoRunStore:
    """RunStore (recovery.ports.control_table) on the control table."""

    def __init__(self, table: ControlTable) -> None:
        self._table = table

    def claim(self) -> RunClaim | None:
        """The run that holds the claim. Raises Unreachable."""
        item = self._table.get(CLAIM_KEY)
        return _decode(item) if item else None

    def put_claim(self, claim: RunClaim, *, seen: RunClaim | None) -> None:
        """Write the claim if it is still the one seen. Raises Refused naming the other holder."""
        item = {"pk": {"S": CLAIM_KEY}} | _encode(claim)
        try:
            if seen is None:
                self._table.put(item, condition="attribute_not_exists(pk)")
            else:
                self._table.put(
                    item,
                    condition=_SAME,
                    ExpressionAttributeNames=_NAMES,
                    ExpressionAttributeValues={f":{name}": value for name, value in _encode(seen).items()},
                )
        except ConditionFailedError as failed:
            found = _decode(failed.item) if failed.item else self.claim()
            if found == claim:  # our own write, its first answer lost
                return
            who = f"run {found.run} of {found.holder} holds it" if found else "it was released meanwhile"
            raise Refused(
                f"another promotion was faster: {who}",
                next_step="follow that run with `dr status`; when its holder is dead, its claim ends by itself",
            ) from None

    def release(self, claim: RunClaim) -> None:
        """Give the claim back; one that is another run's stays."""
        request = {
            "Key": {"pk": {"S": CLAIM_KEY}},
            "ConditionExpression": "#run = :run AND #holder = :holder",
            "ExpressionAttributeNames": {"#run": "run", "#holder": "holder"},
            "ExpressionAttributeValues": {":run": {"S": claim.run}, ":holder": {"S": claim.holder}},
        }
        try:
            self._table.call("delete_item", request)
        except ConditionFailedError:
            return

    def append(self, run: str, number: int, entry: dict[str, Any]) -> None:
        """Entry `number` of a run, once. The same again is fine, another content raises Refused."""
        body = json.dumps(entry, sort_keys=True)
        item = {"pk": {"S": _entry_key(run, number)}, "entry": {"S": body}}
        try:
            self._table.put(item, condition="attribute_not_exists(pk)")
        except ConditionFailedError as failed:
            found = failed.item or self._table.get(_entry_key(run, number)) or {}
            if found.get("entry", {}).get("S") == body:
                return
            raise Refused(
                f"entry {number} of run {run} was written before, with another content",
                next_step="another process works on this run; see `dr status`, and run the command again",
            ) from None

    def entries(self, run: str) -> list[dict[str, Any]]:
        """The run's entries in order, from number 0 or 1 up to the first that is absent."""
        found: list[dict[str, Any]] = []
        number = 0
        while True:
            item = self._table.get(_entry_key(run, number))
            if item:
                found.append(json.loads(item["entry"]["S"]))
            elif number > 0:
                return found
            number += 1


def _entry_key(run: str, number: int) -> str:
    return f"run#{run}#{number}"


def _encode(claim: RunClaim) -> dict[str, Any]:
    return {
        "run": {"S": claim.run},
        "holder": {"S": claim.holder},
        "boot_id": {"S": claim.boot_id},
        "beat": {"N": str(claim.beat)},
    }


def _decode(item: dict[str, Any]) -> RunClaim:
    try:
        return RunClaim(
            run=item["run"]["S"],
            holder=item["holder"]["S"],
            boot_id=item["boot_id"]["S"],
            beat=int(item["beat"]["N"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(
            f"the promotion's claim in the control table is not one this version wrote: {error!r}",
            next_step="find out who wrote it before promoting",
        ) from None
