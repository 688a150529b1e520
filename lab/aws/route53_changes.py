"""How Route 53 takes a batch of changes: all of it or nothing, and what it refuses.

moto 5.2.5 lets a CNAME stand beside other records and at the zone's own name, makes one that exists a second time,
deletes what another batch described and takes a record's set identifier for the whole zone's. The sentences are the
service's own: https://github.com/ansible-collections/amazon.aws/issues/2694 and
https://github.com/hashicorp/terraform-provider-aws/issues/6761.
"""

from typing import Any

from moto.route53.exceptions import Route53ClientError
from moto.route53.models import FakeZone, RecordSet, Route53Backend
from moto.route53.utils import validate_domain_name

Change = dict[str, Any]
Key = tuple[str, str, str | None]
_VALUES = ("ttl", "records", "alias_target", "failover", "weight", "region", "health_check_id", "geo_location")


def change_resource_record_sets(backend: Route53Backend, zoneid: str, change_list: list[Change]) -> None:
    """Raises InvalidChangeBatch, and then nothing has changed."""
    zone = backend.get_hosted_zone(zoneid)
    after = {_key(record): record for record in zone.rrsets}
    for change in change_list:
        _apply(zone, after, change)
    for name in {_record(change["ResourceRecordSet"]).name for change in change_list}:
        _require_together(zone, [record for record in after.values() if record.name == name])
    zone.rrsets = list(after.values())


def _apply(zone: FakeZone, after: dict[Key, RecordSet], change: Change) -> None:
    wanted, action = _record(change["ResourceRecordSet"]), change["Action"]
    validate_domain_name(wanted.name.rstrip("."), code="InvalidChangeBatch")
    if not f".{wanted.name}".endswith(f".{_full(zone.name)}"):
        raise _refused(f"RRSet with DNS name {wanted.name} is not permitted in zone {_full(zone.name)}")
    key, what = _key(wanted), f"resource record set [name='{wanted.name}', type='{wanted.type}'"
    if wanted.set_identifier:
        what += f", set identifier='{wanted.set_identifier}'"
    if action == "CREATE" and key in after:
        raise _refused(f"Tried to create {what}] but it already exists")
    if action == "DELETE":
        if key not in after:
            raise _refused(f"Tried to delete {what}] but it was not found")
        if _values(after[key]) != _values(wanted):
            raise _refused(f"Tried to delete {what}] but the values provided do not match the current values")
        del after[key]
        return
    after[key] = wanted


def _require_together(zone: FakeZone, here: list[RecordSet]) -> None:
    """What may stand at one name."""
    aliases = [record for record in here if record.type == "CNAME"]
    if aliases and aliases[0].name == _full(zone.name):
        raise _refused(
            f"RRSet of type CNAME with DNS name {aliases[0].name} is not permitted at apex in zone {_full(zone.name)}"
        )
    if aliases and len(aliases) < len(here):
        raise _refused(
            f"RRSet of type CNAME with DNS name {aliases[0].name} is not permitted as it conflicts with other records "
            f"with the same DNS name in zone {_full(zone.name)}"
        )
    for record in here:
        others = [other for other in here if other.type == record.type and other is not record]
        if others and not record.set_identifier:
            raise _refused(
                f"RRSet with DNS name {record.name}, type {record.type} cannot be created as other RRSets exist with "
                "the same name and type."
            )


def _record(given: dict[str, Any]) -> RecordSet:
    """moto's own object: its name ends with a dot, and its values are plain texts."""
    values = [each["Value"] for each in given.get("ResourceRecords") or ()]
    found: Any = RecordSet({**given, "Name": _full(given["Name"]), "ResourceRecords": values})
    return found


def _full(name: str) -> str:
    return f"{name.rstrip('.').lower()}."


def _key(record: RecordSet) -> Key:
    return _full(record.name), str(record.type), record.set_identifier


def _values(record: RecordSet) -> list[str]:
    found = {name: getattr(record, name) for name in _VALUES}
    if alias := found["alias_target"]:
        found["alias_target"] = {**alias, "DNSName": _full(alias["DNSName"])}
    found["records"] = sorted(found["records"] or ())
    return [str(found[name] or "") for name in _VALUES]


def _refused(sentence: str) -> Route53ClientError:
    return Route53ClientError("InvalidChangeBatch", f"[{sentence}]")
