"""Taking over the public name from the record that customers already use: one batch, which Route 53 makes whole or not
at all, so that the name answers at every moment.

A CNAME cannot stand beside another record of its name, so the failover pair cannot be made while the old record is
there, and a name that is gone for a moment stays gone in resolvers for minutes. A DELETE has to name every value as it
stands, so a record that somebody changed meanwhile ends the batch.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recovery.errors import Refused
from recovery.plan.plan import SiteName

RecordSet = Mapping[str, Any]
"""As Route 53's API lists it and takes it back."""
KIND = "CNAME"
ROLES: tuple[tuple[SiteName, str], ...] = (("prod", "PRIMARY"), ("dr", "SECONDARY"))
"""Both records of the pair: set identifier and failover role."""
_SIMPLE = frozenset({"Name", "Type", "TTL", "ResourceRecords", "AliasTarget", "HealthCheckId"})
_LEADS_ON = frozenset({"A", "AAAA", "CNAME"})


@dataclass(frozen=True, kw_only=True)
class PublicName:
    """The name as foundation declares it: `ttl` in seconds, and where each record of the pair points."""

    name: str
    zone: str
    ttl: int
    edges: Mapping[SiteName, str]

    def pair(self) -> list[dict[str, Any]]:
        """Both records, the PRIMARY without a check: it is given one when the failover is armed."""
        return [
            {
                "Name": f"{self.name}.",
                "Type": KIND,
                "SetIdentifier": site,
                "Failover": role,
                "TTL": self.ttl,
                "ResourceRecords": [{"Value": self.edges[site]}],
            }
            for site, role in ROLES
        ]


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """The old records, as they were read, and the pair in their place."""

    old: tuple[RecordSet, ...]
    new: tuple[RecordSet, ...]

    def batch(self) -> dict[str, Any]:
        """Route 53's ChangeBatch."""
        changes = [("DELETE", each) for each in self.old] + [("CREATE", each) for each in self.new]
        return {
            "Comment": "the failover pair takes over the public name",
            "Changes": [{"Action": action, "ResourceRecordSet": dict(record)} for action, record in changes],
        }

    def leads_to(self) -> list[str]:
        """Where the old records lead today."""
        return [target for record in self.old for target in targets(record)]


def targets(record: RecordSet) -> list[str]:
    """Where a record leads: its values, or its alias's name."""
    alias = record.get("AliasTarget")
    found = [alias["DNSName"]] if alias else [each["Value"] for each in record.get("ResourceRecords", ())]
    return [str(each).rstrip(".") for each in found]


def take_over(wanted: PublicName, found: Sequence[RecordSet]) -> Takeover:
    """What to change, from every record of the name. Raises Refused when there is nothing to take over, or something
    that a DELETE and the pair cannot stand for."""
    routed = [each for each in found if each.get("SetIdentifier") is not None]
    if any(each.get("Failover") for each in routed):
        raise _already(wanted, found)
    for record in found:
        _require_simple(wanted, record)
    if not found:
        raise Refused(
            f"nothing stands at {wanted.name} yet, so there is nothing to take over",
            next_step="`pulumi up --stack foundation` makes the name's records",
        )
    return Takeover(old=tuple(found), new=tuple(wanted.pair()))


def is_pair(wanted: PublicName, found: Sequence[RecordSet]) -> bool:
    """Whether exactly our two records stand at the name; the PRIMARY may have its check by now."""

    def key(record: RecordSet) -> tuple[object, ...]:
        role = (record.get("SetIdentifier"), record.get("Failover"))
        return (*role, record["Type"], record.get("TTL"), tuple(targets(record)))

    return sorted(map(key, found), key=str) == sorted(map(key, wanted.pair()), key=str)


def _already(wanted: PublicName, found: Sequence[RecordSet]) -> Refused:
    if is_pair(wanted, found):
        return Refused(
            f"{wanted.name} is already adopted: it is the failover pair that foundation declares",
            next_step="where foundation's state does not have the two records yet, set nameAdopted and run `pulumi up`",
        )
    listed = "; ".join(f"{each.get('SetIdentifier')} → {', '.join(targets(each))}" for each in found)
    return Refused(
        f"{wanted.name} is a failover pair already, but another than foundation declares: {listed}",
        next_step="compare prodEdge, drEdge and the plan's dns.ttl with it; nothing here changes a pair that exists",
    )


def _require_simple(wanted: PublicName, record: RecordSet) -> None:
    kind = str(record["Type"])
    if kind not in _LEADS_ON:
        raise Refused(
            f"{wanted.name} has a record of type {kind}, and beside a CNAME no other record may stand",
            next_step=f"move the {kind} record to another name first (customers' certificates may need a CAA record: "
            "one at the zone's apex covers this name too)",
        )
    more = sorted(set(record) - _SIMPLE)
    if more:
        raise Refused(
            f"the {kind} record of {wanted.name} is no simple one ({', '.join(more)}): it answers by a rule of its "
            "own, which the failover pair would end",
            next_step="make it a simple record first, when you know where all its customers should go",
        )
    alias, values = record.get("AliasTarget"), record.get("ResourceRecords")
    if not values and not (alias and alias.get("DNSName") and alias.get("HostedZoneId")):
        raise Refused(
            f"the {kind} record of {wanted.name} was read without its values, so no DELETE can name it",
            next_step="look at it in Route 53's console; nothing was changed",
        )
