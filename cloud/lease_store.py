"""The site lease in the control table: one item, one conditional update per change."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from cloud.control_table import ConditionFailedError, ControlTable
from recovery.errors import Ambiguous, Failed, LeaseRefused
from recovery.lease.lease import Heartbeat, Lease

LEASE_KEY = "lease"
SYSTEM = "system_identifier"
_KEY = {"pk": {"S": LEASE_KEY}}
# Every attribute is aliased: state, ttl, site and others are or may become reserved words of DynamoDB's expressions.
# A takeover leaves boot_id alone: it says which guard renewed last, and so which one may record the fence.
_TAKEN_OVER = ("site", "epoch", "state", "lease_seconds", "margin_seconds", "holder_run", "renewals")


class DynamoLeaseStore:
    """LeaseStore (recovery.ports.control_table) on the control table."""

    def __init__(self, table: ControlTable) -> None:
        self._table = table

    def read(self) -> Lease | None:
        """Strongly consistent. Raises Unreachable."""
        item = self._table.get(LEASE_KEY)
        return decode(item) if item else None

    def create(self, lease: Lease) -> None:
        """The first item. Raises LeaseRefused when there is one."""
        try:
            self._table.put(_KEY | encode(lease), condition="attribute_not_exists(pk)")
        except ConditionFailedError as failed:
            found = self._current(failed)
            if failed.unanswered and found == lease:
                return
            raise LeaseRefused(
                f"there is a lease already: {describe(found)}",
                next_step="nothing is to be done; `dr lease show` shows it, `dr promote` is what moves it",
            ) from None

    def renew(self, lease: Lease, *, boot_id: str, heartbeat: Heartbeat | None) -> Lease:
        """One more renewal by guard `boot_id`. Raises LeaseRefusedBy (with the lease found) and Unreachable.

        Another guard of the same site that adopted the lease since `lease` was read ends our right to renew, too.
        """
        sets = ["#boot_id = :boot_id", "#renewals = #renewals + :one"]
        values: dict[str, Any] = {
            ":boot_id": {"S": boot_id},
            ":one": {"N": "1"},
            ":seen_boot_id": {"S": lease.boot_id},
            **_identity(lease),
        }
        names = {"#boot_id": "boot_id", "#renewals": "renewals", "#site": "site", "#epoch": "epoch", "#state": "state"}
        if heartbeat:
            sets.append("#heartbeat = :heartbeat")
            names["#heartbeat"] = "heartbeat"
            values[":heartbeat"] = _encode_heartbeat(heartbeat)
        if heartbeat and heartbeat.system_identifier:
            sets.append("#system = if_not_exists(#system, :system)")
            names["#system"] = SYSTEM
            values[":system"] = {"S": heartbeat.system_identifier}
        same = "#site = :site AND #epoch = :epoch AND #state = :state"
        request = {
            "Key": _KEY,
            "UpdateExpression": "SET " + ", ".join(sets),
            "ConditionExpression": f"{same} AND #boot_id IN (:seen_boot_id, :boot_id)",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }
        try:
            return decode(self._table.call("update_item", request)["Attributes"])
        except ConditionFailedError as failed:
            raise LeaseRefusedBy("the lease may not be renewed", self._current(failed)) from None

    def take(self, seen: Lease, taken: Lease) -> Lease:
        """Replace `seen` by `taken`; returns the item as it was. Raises LeaseRefused when it moved, Ambiguous when the
        answer was lost (whose it is, `read` then tells by the run), Unreachable when nothing was sent."""
        fields = encode(taken)
        request = {
            "Key": _KEY,
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in _TAKEN_OVER),
            "ConditionExpression": "#epoch = :seen_epoch",
            "ExpressionAttributeNames": {f"#{name}": name for name in _TAKEN_OVER},
            "ExpressionAttributeValues": {f":{name}": fields[name] for name in _TAKEN_OVER}
            | {":seen_epoch": {"N": str(seen.epoch)}},
            "ReturnValues": "ALL_OLD",
        }
        try:
            return decode(self._table.call("update_item", request, repeatable=False)["Attributes"])
        except ConditionFailedError as failed:
            found = self._current(failed)
            if _is_by(found, taken):
                raise Ambiguous(
                    f"run {taken.holder_run} had taken the lease before; the answer of that request was lost",
                    next_step="run the command again: it settles this by reading the lease, and waits anew",
                ) from None
            raise LeaseRefusedBy("the lease moved since it was read", found) from None

    def hold(self, epoch: int, run: str) -> Lease:
        """taken → held by the run that took it. Raises LeaseRefused when the lease is another's."""
        request = {
            "Key": _KEY,
            "UpdateExpression": "SET #state = :held",
            "ConditionExpression": "#epoch = :epoch AND #holder_run = :run",
            "ExpressionAttributeNames": {"#state": "state", "#epoch": "epoch", "#holder_run": "holder_run"},
            "ExpressionAttributeValues": {":held": {"S": "held"}, ":epoch": {"N": str(epoch)}, ":run": {"S": run}},
            "ReturnValues": "ALL_NEW",
        }
        try:
            return decode(self._table.call("update_item", request)["Attributes"])
        except ConditionFailedError as failed:
            raise LeaseRefusedBy(f"run {run} does not hold epoch {epoch}", self._current(failed)) from None

    def record_fenced(self, epoch: int) -> None:
        """fenced_epoch = epoch. Raises LeaseRefused when `epoch` is not current any more: it then proves nothing."""
        request = {
            "Key": _KEY,
            "UpdateExpression": "SET #fenced_epoch = :epoch",
            "ConditionExpression": "#epoch = :epoch",
            "ExpressionAttributeNames": {"#fenced_epoch": "fenced_epoch", "#epoch": "epoch"},
            "ExpressionAttributeValues": {":epoch": {"N": str(epoch)}},
        }
        try:
            self._table.call("update_item", request)
        except ConditionFailedError as failed:
            raise LeaseRefusedBy(f"epoch {epoch} is not current", self._current(failed)) from None

    def record_system(self, system: str, *, seen: str) -> Lease:
        """Raises LeaseRefused when the lease says another system than `seen`, or there is no lease."""
        request: dict[str, Any] = {
            "Key": _KEY,
            "UpdateExpression": "SET #system = :system",
            "ConditionExpression": "attribute_exists(pk) AND "
            + ("#system = :seen" if seen else "attribute_not_exists(#system)"),
            "ExpressionAttributeNames": {"#system": SYSTEM},
            "ExpressionAttributeValues": {":system": {"S": system}} | ({":seen": {"S": seen}} if seen else {}),
            "ReturnValues": "ALL_NEW",
        }
        try:
            return decode(self._table.call("update_item", request)["Attributes"])
        except ConditionFailedError as failed:
            found = self._current(failed)
            if found and found.system_identifier == system:
                return found  # the first try's answer was lost, or somebody said the same
            said = f"says {found.system_identifier or 'none'}" if found else "does not exist"
            raise LeaseRefused(
                f"the system identifier is not changed: you say it replaces {seen or 'none'}, the lease {said}",
                next_step="look at it with `dr lease show`, find out which database is production's, and say it again",
            ) from None

    def _current(self, failed: ConditionFailedError) -> Lease | None:
        return decode(failed.item) if failed.item else self.read()


class LeaseRefusedBy(LeaseRefused):
    """A lease operation was refused; `found` is the lease that stood in its way, None when there is none."""

    def __init__(self, what: str, found: Lease | None) -> None:
        super().__init__(f"{what}: {describe(found)}", next_step="look at it with `dr lease show`")
        self.found = found


def describe(lease: Lease | None) -> str:
    """One line for messages."""
    if lease is None:
        return "there is no lease"
    by = f"run {lease.holder_run}" + (f", guard {lease.boot_id}" if lease.boot_id else "")
    return f"site {lease.site}, epoch {lease.epoch}, {lease.state} by {by}"


def encode(lease: Lease) -> dict[str, Any]:
    """DynamoDB attributes without the key."""
    item: dict[str, Any] = {
        "site": {"S": lease.site},
        "epoch": {"N": str(lease.epoch)},
        "state": {"S": lease.state},
        "lease_seconds": {"N": str(lease.lease_seconds)},
        "margin_seconds": {"N": str(lease.margin_seconds)},
        "holder_run": {"S": lease.holder_run},
        "boot_id": {"S": lease.boot_id},
        "renewals": {"N": str(lease.renewals)},
        "fenced_epoch": {"N": str(lease.fenced_epoch)},
    }
    if lease.system_identifier:  # absent until it is known: the first who knows it writes it
        item[SYSTEM] = {"S": lease.system_identifier}
    return item | ({"heartbeat": _encode_heartbeat(lease.heartbeat)} if lease.heartbeat else {})


def decode(item: dict[str, Any]) -> Lease:
    """The lease of an item. Raises Failed when the item is not one that `encode` wrote."""
    try:
        site, state = item["site"]["S"], item["state"]["S"]
        if site not in ("prod", "dr") or state not in ("taken", "held"):
            raise ValueError(f"site {site!r}, state {state!r}")  # noqa: TRY301
        return Lease(
            site=site,
            epoch=_integer(item["epoch"]),
            state=state,
            lease_seconds=float(item["lease_seconds"]["N"]),
            margin_seconds=float(item["margin_seconds"]["N"]),
            holder_run=item["holder_run"]["S"],
            boot_id=item["boot_id"]["S"],
            renewals=_integer(item["renewals"]),
            fenced_epoch=_integer(item["fenced_epoch"]),
            heartbeat=_decode_heartbeat(item["heartbeat"]["M"]) if "heartbeat" in item else None,
            system_identifier=item[SYSTEM]["S"] if SYSTEM in item else "",
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise Failed(
            f"the lease in the control table is not one this version wrote: {error!r}",
            next_step="find out who wrote it (CloudTrail, the table's point-in-time recovery) before anything else",
        ) from None


def _identity(lease: Lease) -> dict[str, Any]:
    return {":site": {"S": lease.site}, ":epoch": {"N": str(lease.epoch)}, ":state": {"S": lease.state}}


def _is_by(found: Lease | None, taken: Lease) -> bool:
    return bool(found) and (found.epoch, found.holder_run) == (taken.epoch, taken.holder_run)


def _encode_heartbeat(heartbeat: Heartbeat) -> dict[str, Any]:
    return {
        "M": {
            "at": {"S": heartbeat.at.isoformat()},
            "lsn": {"N": str(heartbeat.lsn)},
            "commits_per_second": {"N": f"{heartbeat.commits_per_second:.3f}"},
            "timeline": {"N": str(heartbeat.timeline)},
            SYSTEM: {"S": heartbeat.system_identifier},
        }
    }


def _decode_heartbeat(fields: dict[str, Any]) -> Heartbeat:
    return Heartbeat(
        at=datetime.fromisoformat(fields["at"]["S"]),
        lsn=_integer(fields["lsn"]),
        commits_per_second=float(fields["commits_per_second"]["N"]),
        timeline=_integer(fields["timeline"]),
        system_identifier=fields[SYSTEM]["S"] if SYSTEM in fields else "",
    )


def _integer(attribute: dict[str, str]) -> int:
    return int(Decimal(attribute["N"]))
